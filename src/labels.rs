//! Closed sets of names, as labels of metrics must be: every series is there from the start, and
//! nothing that a caller sends makes another one.

/// A member of a closed set of names. [`closed_set!`] writes the implementation.
pub trait Label: Copy + 'static {
    /// All members, each at its [`Label::position`].
    const ALL: &'static [Self];

    /// The name, in `snake_case`.
    fn label(self) -> &'static str;

    fn position(self) -> usize;
}

/// Declares an enum without fields together with the name of each variant. What has fields gets such
/// an enum of its kinds beside it, and an exhaustive match from one to the other.
macro_rules! closed_set {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $label:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $crate::labels::Label for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }

            fn position(self) -> usize {
                self as usize
            }
        }
    };
}

pub(crate) use closed_set;

#[cfg(test)]
mod tests {
    use super::*;

    closed_set! {
        enum Weather {
            Sun = "sun",
            Rain = "rain",
        }
    }

    #[test]
    fn every_member_is_listed_at_its_position() {
        let labels: Vec<_> = Weather::ALL.iter().map(|weather| weather.label()).collect();
        assert_eq!(labels, ["sun", "rain"]);
        for (position, weather) in Weather::ALL.iter().enumerate() {
            assert_eq!(weather.position(), position);
        }
    }
}
