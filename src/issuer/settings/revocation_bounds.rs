//! How much of the list of revocations one user and one app may fill.

use crate::problem::Faults;

/// The list is for all: so many users or apps together fill it, and no fewer.
const HOLDERS_THAT_FILL_THE_LIST: u64 = 10;

const DEFAULT_PER_USER: u64 = 1000;

/// More than those of a user: all who log out of an app count.
const DEFAULT_PER_APP: u64 = 10_000;

/// The bounds as they are written, of which some may be absent.
pub(super) struct WrittenBounds {
    /// Rows in the list.
    pub(super) all: u64,
    pub(super) per_user: Option<u64>,
    pub(super) per_app: Option<u64>,
}

/// The bounds of one user and one app, in rows.
pub(super) struct HolderBounds {
    pub(super) per_user: u32,
    pub(super) per_app: u32,
}

impl WrittenBounds {
    pub(super) fn build(&self, faults: &mut Faults) -> Option<HolderBounds> {
        faults.within("issuer.max_revocations", self.all, 1, 100_000_000);
        let per_user = self.of_one("per_user", self.per_user, DEFAULT_PER_USER, faults);
        let per_app = self.of_one("per_app", self.per_app, DEFAULT_PER_APP, faults);
        Some(HolderBounds {
            per_user: u32::try_from(per_user).ok()?,
            per_app: u32::try_from(per_app).ok()?,
        })
    }

    /// A default gives way to a short list; what is written must fit.
    fn of_one(&self, name: &str, written: Option<u64>, default: u64, faults: &mut Faults) -> u64 {
        let most = (self.all / HOLDERS_THAT_FILL_THE_LIST).max(1);
        let Some(bound) = written else {
            return default.min(most);
        };
        let at = format!("issuer.max_revocations_{name}");
        if bound == 0 {
            faults.add(
                &*at,
                format!("`issuer.max_revocations_{name}: 0` is out of bounds: write at least 1"),
            );
        }
        if bound > most {
            faults.add(at, format!(
                "`issuer.max_revocations_{name}: {bound}` is more than a tenth of \
                 `issuer.max_revocations: {all}`, so a few could fill the list for everybody: write \
                 at most {most}, or raise `issuer.max_revocations`",
                all = self.all
            ));
        }
        bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_or_app_fills_a_tenth_of_the_list_at_most() {
        // Rows in the list, what is written of users and apps, and the bounds of both.
        let rows = [
            (1_000_000, None, None, Some((1000, 10_000))),
            (5000, None, None, Some((500, 500))),
            (5, None, None, Some((1, 1))),
            (1_000_000, Some(100_000), Some(1), Some((100_000, 1))),
            (1_000_000, Some(100_001), None, None),
            (1_000_000, None, Some(100_001), None),
            (1_000_000, Some(0), None, None),
            (0, None, None, None),
        ];
        for (all, per_user, per_app, expected) in rows {
            let mut faults = Faults::default();
            let written = WrittenBounds {
                all,
                per_user,
                per_app,
            };
            let bounds = written.build(&mut faults);
            let bounds = bounds.filter(|_| faults.is_empty());
            let bounds = bounds.map(|bounds| (bounds.per_user, bounds.per_app));
            assert_eq!(bounds, expected, "{all} {per_user:?} {per_app:?}");
        }
    }
}
