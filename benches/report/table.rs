//! The one table that a run prints.

/// The rows so far.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<[String; 4]>,
}

/// What a measured value is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// Shown for scale.
    None,
    /// Shown as so many times another value of this run; nothing is asked of it.
    Scale { of: f64 },
    /// At most so many times another value of this run.
    Ratio { of: f64, most: f64 },
    /// At most this, in the unit of the value.
    Most(f64),
    /// At least this, in the unit of the value.
    #[cfg(feature = "issuer")]
    Least(f64),
}

impl Table {
    /// Adds a value, and says on standard error that it is there.
    pub(crate) fn add(&mut self, what: &str, value: f64, unit: &str, goal: Goal) {
        let (against, verdict) = match goal {
            Goal::None => (String::new(), ""),
            Goal::Scale { of } => (format!("{:.2}", value / of), ""),
            Goal::Ratio { of, most } => {
                let ratio = value / of;
                (
                    format!("{ratio:.2} (at most {most})"),
                    verdict(ratio <= most),
                )
            }
            Goal::Most(most) => (
                format!("at most {} {unit}", number(most)),
                verdict(value <= most),
            ),
            #[cfg(feature = "issuer")]
            Goal::Least(least) => (
                format!("at least {} {unit}", number(least)),
                verdict(value >= least),
            ),
        };
        let measured = format!("{} {unit}", number(value));
        eprintln!("{what}: {measured}  {against} {verdict}");
        self.rows
            .push([what.to_owned(), measured, against, verdict.to_owned()]);
    }

    /// Adds a row that says more about the one above it.
    #[cfg(feature = "issuer")]
    pub(crate) fn detail(&mut self, what: &str, value: f64, unit: &str, parts: &str) {
        let measured = format!("{} {unit}", number(value));
        eprintln!("{what}: {measured}  {parts}");
        let row = [what, &measured, parts, ""];
        self.rows.push(row.map(str::to_owned));
    }

    /// Adds a row for what could not be measured.
    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        eprintln!("{what}: not measured: {why}");
        let row = [what, "not measured", why, ""];
        self.rows.push(row.map(str::to_owned));
    }

    /// Prints the table, in Markdown.
    pub(crate) fn print(&self) {
        let head = ["what", "measured", "ratio or goal", "verdict"].map(str::to_owned);
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&head]);
            cells
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: [usize; 4] = std::array::from_fn(width);
        let line = |row: &[String; 4]| {
            let [what, measured, against, verdict] = row;
            let [w, m, a, v] = widths;
            println!("| {what:w$} | {measured:>m$} | {against:a$} | {verdict:v$} |");
        };
        line(&head);
        let [w, m, a, v] = widths.map(|width| width + 2);
        println!("|{:-<w$}|{:->m$}|{:-<a$}|{:-<v$}|", "", ":", "", "");
        self.rows.iter().for_each(line);
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// Three places below ten, one below a thousand, none above, where thousands are set apart.
fn number(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    if value.abs() < 1000.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
