//! `issuer.portal.accent`: the colour of links and buttons, and whether it can be read on the pages.

use std::fmt;

use crate::coding::hex_value;
use crate::problem::Faults;

/// WCAG 2.2, success criterion 1.4.3, for text of this size.
const READABLE: f64 = 4.5;

/// What a colour for the dark is made to have, where the settings name none.
const COMFORTABLE: f64 = 7.0;

/// An accent of the style sheets, and in the dark.
const DEFAULT: Accent = Accent {
    light: Colour([0x1f, 0x5f, 0x8b]),
    dark: Colour([0x7f, 0xbd, 0xe6]),
};

/// What the accent is beside on light pages: the ground, the paper, and the text of buttons, which is white as well.
const LIGHT: [Colour; 2] = [Colour([0xf4, 0xf5, 0xf7]), Colour([0xff, 0xff, 0xff])];

/// The same of dark ones.
const DARK: [Colour; 3] = [
    Colour([0x14, 0x18, 0x1d]),
    Colour([0x1e, 0x24, 0x2b]),
    Colour([0x10, 0x20, 0x2c]),
];

const BLACK: Colour = Colour([0; 3]);
const WHITE: Colour = Colour([0xff; 3]);

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Colour([u8; 3]);

/// The colour of links and buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent {
    light: Colour,
    dark: Colour,
}

impl Default for Accent {
    fn default() -> Self {
        DEFAULT
    }
}

impl Accent {
    /// Checks what is written; the colour for the dark is made of the other where there is none.
    pub(super) fn build(light: Option<&str>, dark: Option<&str>, faults: &mut Faults) -> Self {
        let own = light.and_then(|text| readable("accent", text, &LIGHT, BLACK, faults));
        let own_dark = dark.and_then(|text| readable("accent_dark", text, &DARK, WHITE, faults));
        let derived = own.map(|colour| colour.towards(WHITE, &DARK, COMFORTABLE));
        Self {
            light: own.unwrap_or(DEFAULT.light),
            dark: own_dark.or(derived).unwrap_or(DEFAULT.dark),
        }
    }

    /// A style sheet with this accent in place of its own.
    pub(in crate::issuer) fn paint(self, style: &str) -> String {
        // Not one after the other: an accent may be the other default.
        let mut painted = String::with_capacity(style.len());
        for line in style.split_inclusive('\n') {
            let line = if line.contains("--accent: ") {
                let (light, dark) = (DEFAULT.light.to_string(), DEFAULT.dark.to_string());
                if line.contains(&light) {
                    line.replace(&light, &self.light.to_string())
                } else {
                    line.replace(&dark, &self.dark.to_string())
                }
            } else {
                line.to_owned()
            };
            painted.push_str(&line);
        }
        painted
    }
}

/// The colour that is written under a key of the portal, if it can be read on these.
fn readable(
    key: &str,
    text: &str,
    grounds: &[Colour],
    towards: Colour,
    faults: &mut Faults,
) -> Option<Colour> {
    let key = format!("issuer.portal.{key}");
    let Some(colour) = Colour::parse(text) else {
        let message = format!(
            "`{key}` is not a colour: write six hex digits behind a hash sign, within quotation marks, such as \
             `\"#1f5f8b\"`"
        );
        faults.add(key, message);
        return None;
    };
    let ratio = colour.least_contrast(grounds);
    if ratio < READABLE {
        let (shown, near) = (
            two_places(ratio),
            colour.towards(towards, grounds, READABLE),
        );
        let pages = if towards == BLACK { "light" } else { "dark" };
        let message = format!(
            "`{key}: {text}` has a contrast of {shown}:1 on {pages} pages, and text needs {READABLE}:1 (WCAG 2.2, \
             1.4.3): the nearest that has it is `\"{near}\"`"
        );
        faults.add(key, message);
        return None;
    }
    Some(colour)
}

/// Never more than it is.
fn two_places(ratio: f64) -> String {
    format!("{:.2}", (ratio * 100.0).floor() / 100.0)
}

impl Colour {
    fn parse(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> = text.strip_prefix('#')?.bytes().map(hex_value).collect();
        let digits = digits.filter(|digits| digits.len() == 6)?;
        let mut channels = [0; 3];
        for (channel, pair) in channels.iter_mut().zip(digits.chunks(2)) {
            *channel = pair.iter().fold(0, |value, digit| value * 16 + digit);
        }
        Some(Self(channels))
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let linear = self.0.map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        });
        let [red, green, blue] = linear;
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// WCAG 2.2, "contrast ratio": 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn least_contrast(self, grounds: &[Self]) -> f64 {
        let ratios = grounds.iter().map(|ground| self.contrast(*ground));
        ratios.fold(f64::INFINITY, f64::min)
    }

    /// The nearest colour on the way to `end` that has so much contrast on these; at most `end`.
    fn towards(self, end: Self, grounds: &[Self], ratio: f64) -> Self {
        let steps = (0..=u8::MAX).map(|step| self.mixed(end, step));
        let mut enough = steps.filter(|colour| colour.least_contrast(grounds) >= ratio);
        enough.next().unwrap_or(end)
    }

    /// `share` of 255 parts are of the other.
    fn mixed(self, other: Self, share: u8) -> Self {
        let mut channels = self.0;
        for (channel, other) in channels.iter_mut().zip(other.0) {
            let share = u16::from(share);
            let sum = u16::from(*channel) * (255 - share) + u16::from(other) * share;
            *channel = u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX);
        }
        Self(channels)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(light: Option<&str>, dark: Option<&str>) -> Result<[String; 2], Vec<String>> {
        let mut faults = Faults::default();
        let accent = Accent::build(light, dark, &mut faults);
        if faults.is_empty() {
            Ok([accent.light, accent.dark].map(|colour| colour.to_string()))
        } else {
            Err(faults.into_messages())
        }
    }

    #[test]
    fn contrasts_are_those_of_wcag() {
        for (one, other, expected) in [
            ("#000000", "#ffffff", "21.00"),
            ("#777777", "#ffffff", "4.47"),
            ("#767676", "#ffffff", "4.54"),
            ("#ff0000", "#ffffff", "3.99"),
            ("#1f5f8b", "#1f5f8b", "1.00"),
        ] {
            let [one, other] = [one, other].map(|text| Colour::parse(text).unwrap());
            assert_eq!(two_places(one.contrast(other)), expected, "{one} {other}");
            assert_eq!(two_places(other.contrast(one)), expected, "{one} {other}");
        }
    }

    #[test]
    fn an_accent_can_be_read_or_is_refused_with_one_that_can() {
        let default = ["#1f5f8b", "#7fbde6"].map(str::to_owned);
        assert_eq!(built(None, None), Ok(default));
        let given = ["#7a1f5c", "#f0a8d8"].map(str::to_owned);
        assert_eq!(built(Some("#7A1F5C"), Some("#f0a8d8")), Ok(given));
        let rows = [
            (
                Some("#f28c28"),
                None,
                "`issuer.portal.accent: #f28c28` has a contrast of 2.",
            ),
            (
                None,
                Some("#1f5f8b"),
                "`issuer.portal.accent_dark: #1f5f8b` has a contrast of 2.",
            ),
            (
                Some("#12345"),
                None,
                "`issuer.portal.accent` is not a colour",
            ),
            (Some("blue"), None, "`issuer.portal.accent` is not a colour"),
            (
                None,
                Some("#1234567"),
                "`issuer.portal.accent_dark` is not a colour",
            ),
            (Some("#12345\u{e4}"), None, "is not a colour"),
        ];
        for (light, dark, expected) in rows {
            let faults = built(light, dark).unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains(expected), "{faults:?}");
        }
    }

    #[test]
    fn what_is_suggested_and_what_is_made_can_be_read() {
        for text in [
            "#f28c28", "#ffffff", "#ffe600", "#00c2a8", "#808080", "#e30613",
        ] {
            let faults = built(Some(text), None).unwrap_err();
            let (_, near) = faults[0]
                .split_once("the nearest that has it is `\"")
                .unwrap();
            let (near, _) = near.split_once('"').unwrap();
            let [light, dark] = built(Some(near), None).unwrap();
            assert_eq!(light, near);
            let dark = Colour::parse(&dark).unwrap();
            assert!(dark.least_contrast(&DARK) >= COMFORTABLE, "{text}: {dark}");
            // One step less would not do.
            let colour = Colour::parse(text).unwrap();
            let steps = (0..=u8::MAX).map(|step| colour.mixed(BLACK, step));
            let before: Vec<Colour> = steps.take_while(|step| step.to_string() != near).collect();
            assert!(
                before
                    .iter()
                    .all(|step| step.least_contrast(&LIGHT) < READABLE),
                "{text}"
            );
        }
    }

    #[test]
    fn the_style_sheet_has_these_colours_and_each_accent_once() {
        let sheet = include_str!("../http/pages/style.css");
        let swapped = Accent {
            light: DEFAULT.dark,
            dark: DEFAULT.light,
        };
        assert_eq!(DEFAULT.paint(sheet), sheet);
        for colour in [DEFAULT.light, DEFAULT.dark] {
            assert_eq!(sheet.matches(&colour.to_string()).count(), 1, "{colour}");
        }
        assert_eq!(swapped.paint(&swapped.paint(sheet)), sheet);
        let (light, dark) = sheet
            .split_once("@media (prefers-color-scheme: dark)")
            .unwrap();
        for (part, grounds) in [(light, LIGHT.as_slice()), (dark, DARK.as_slice())] {
            for ground in grounds {
                assert!(part.contains(&ground.to_string()), "{ground}");
            }
        }
    }
}
