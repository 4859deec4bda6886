//! What `check` found, for people, programs and CI systems.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::config::ConfigReport;
use crate::policy::{Policy, RouteIssuers};
use crate::problem::{Colour, Place, Problem, Problems, Source, render_warnings};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people to read
    Text,
    /// JSON, for programs
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions, which annotate a pull request
    Github,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Report<'r> {
    /// What is wrong with the configuration, in which secrets are concealed.
    pub(super) config: Option<&'r ConfigReport>,
    /// What is wrong with the policy.
    pub(super) problems: &'r [Problem],
    pub(super) warnings: &'r [Problem],
    /// The files of the policy.
    pub(super) sources: &'r [Source],
    /// Absent where the policy could not be loaded.
    pub(super) policy: Option<&'r Policy>,
    /// The policy that is tried in shadow, if one is and could be loaded.
    pub(super) shadow: Option<&'r Policy>,
    /// Whether the issuers that the policy names were looked for in a configuration.
    pub(super) are_issuers_compared: bool,
    /// Whether a warning is as bad as a problem.
    pub(super) denies_warnings: bool,
}

#[derive(Debug, Clone, Copy)]
enum Weight {
    Error,
    Warning,
}

impl Weight {
    /// The name that SARIF, section 3.27.10, and GitHub share.
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Report<'_> {
    pub(super) fn write(
        &self,
        format: Format,
        colour: Colour,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match format {
            Format::Text => self.write_text(colour, out),
            Format::Json => writeln!(out, "{}", self.json()),
            Format::Sarif => writeln!(out, "{}", self.sarif()),
            Format::Github => self.write_github(out),
        }
    }

    pub(super) fn is_ok(&self) -> bool {
        let is_denied = self.denies_warnings && !self.warnings.is_empty();
        self.policy.is_some() && self.errors().next().is_none() && !is_denied
    }

    fn errors(&self) -> impl Iterator<Item = &Problem> {
        let config = self.config.iter().flat_map(|report| &report.problems.0);
        config.chain(self.problems)
    }

    fn all(&self) -> impl Iterator<Item = (Weight, &Problem)> {
        let problems = self.errors().map(|problem| (Weight::Error, problem));
        let warnings = self.warnings.iter();
        problems.chain(warnings.map(|problem| (Weight::Warning, problem)))
    }

    fn write_text(&self, colour: Colour, out: &mut dyn Write) -> io::Result<()> {
        if let Some(config) = self.config {
            writeln!(out, "{}", config.rendered)?;
        }
        if !self.problems.is_empty() {
            let problems = Problems(self.problems.to_vec());
            writeln!(out, "{}", problems.render(self.sources, colour))?;
        }
        if !self.warnings.is_empty() {
            let warnings = render_warnings(self.warnings, self.sources, colour);
            writeln!(out, "{warnings}")?;
        }
        match self.policy {
            Some(policy) if self.is_ok() => {
                writeln!(out, "ok: {}", summary(policy))?;
                if !self.are_issuers_compared && names_issuers(policy) {
                    writeln!(
                        out,
                        "note: the issuers that the policy names were not compared with `trust`: add \
                         `--config FILE`"
                    )?;
                }
                match self.shadow {
                    Some(shadow) => writeln!(out, "in shadow: {}", summary(shadow)),
                    None => Ok(()),
                }
            }
            Some(_) if self.errors().next().is_none() => {
                writeln!(
                    out,
                    "not ok: there are warnings, and `--deny-warnings` is set"
                )
            }
            Some(_) | None => Ok(()),
        }
    }

    fn json(&self) -> Value {
        let mut answer = json!({
            "ok": self.is_ok(),
            "problems": self.errors().collect::<Vec<_>>(),
            "warnings": self.warnings,
        });
        if let (Some(policy), Some(members)) = (self.policy, answer.as_object_mut())
            && self.errors().next().is_none()
        {
            members.insert("routes".to_owned(), policy.routes().len().into());
            members.insert("digest".to_owned(), policy.digest().into());
            if let Some(shadow) = self.shadow {
                let routes = shadow.routes().len();
                let shadow = json!({"routes": routes, "digest": shadow.digest()});
                members.insert("shadow_policy".to_owned(), shadow);
            }
        }
        answer
    }

    fn sarif(&self) -> Value {
        let results = self.all().map(|(weight, problem)| {
            let related = problem.related.iter().map(|(place, role)| {
                let mut location = location(place);
                if let Some(members) = location.as_object_mut() {
                    members.insert("message".to_owned(), json!({"text": role}));
                }
                location
            });
            let locations: Vec<_> = problem.place.iter().map(location).collect();
            json!({
                "ruleId": format!("policy-{}", weight.name()),
                "level": weight.name(),
                "message": {"text": text(problem)},
                "locations": locations,
                "relatedLocations": related.collect::<Vec<_>>(),
            })
        });
        let rules = [Weight::Error, Weight::Warning].map(|weight| {
            let what = match weight {
                Weight::Error => "The policy or the configuration cannot be used",
                Weight::Warning => "The policy may not do what is intended",
            };
            json!({
                "id": format!("policy-{}", weight.name()),
                "shortDescription": {"text": what},
            })
        });
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "portcullis",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                }},
                "columnKind": "unicodeCodePoints",
                "results": results.collect::<Vec<_>>(),
            }],
        })
    }

    fn write_github(&self, out: &mut dyn Write) -> io::Result<()> {
        for (weight, problem) in self.all() {
            let place = problem.place.as_ref().map(|place| {
                format!(
                    " file={},line={},col={}",
                    property(&place.file),
                    place.line,
                    place.column
                )
            });
            writeln!(
                out,
                "::{}{}::{}",
                weight.name(),
                place.unwrap_or_default(),
                data(&text(problem))
            )?;
        }
        Ok(())
    }
}

fn names_issuers(policy: &Policy) -> bool {
    let mut routes = policy.routes().iter();
    routes.any(|route| matches!(route.issuers, RouteIssuers::Named(_)))
}

fn summary(policy: &Policy) -> String {
    let count = policy.routes().len();
    let routes = if count == 1 { "route" } else { "routes" };
    let nobody = if count == 0 {
        " (everything is refused)"
    } else {
        ""
    };
    format!("{count} {routes}{nobody}, digest {}", policy.digest())
}

/// What is wrong, and how to fix it.
fn text(problem: &Problem) -> String {
    match &problem.help {
        Some(help) => format!("{}\nhelp: {help}", problem.message),
        None => problem.message.clone(),
    }
}

fn location(place: &Place) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&place.file)},
        "region": {"startLine": place.line, "startColumn": place.column},
    }})
}

/// A path as a URI reference (RFC 3986 section 4.2): what it cannot hold is encoded.
fn uri(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// The message of a workflow command: its end is the end of the line.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem::new("unknown key `a`")
            .help("did you mean `b`?\nor 100 %")
            .at(Place {
                file: "a, b: c.yaml".to_owned(),
                line: 3,
                column: 7,
                bytes: None,
            })
    }

    fn written(format: Format) -> String {
        let (problems, warnings) = ([problem()], [Problem::new("no place")]);
        let report = Report {
            config: None,
            problems: &problems,
            warnings: &warnings,
            sources: &[],
            policy: None,
            shadow: None,
            are_issuers_compared: true,
            denies_warnings: false,
        };
        let mut out = Vec::new();
        report.write(format, Colour::Plain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_annotation_is_one_line_whatever_it_says() {
        assert_eq!(
            written(Format::Github),
            "::error file=a%2C b%3A c.yaml,line=3,col=7::unknown key `a`%0Ahelp: did you mean \
             `b`?%0Aor 100 %25\n::warning::no place\n"
        );
    }

    #[test]
    fn sarif_names_the_place_of_each_result() {
        let sarif: Value = serde_json::from_str(&written(Format::Sarif)).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%2C%20b%3A%20c.yaml");
        assert_eq!(place["region"], json!({"startLine": 3, "startColumn": 7}));
        assert_eq!(results[1]["locations"], json!([]));
        assert_eq!(results[1]["level"], "warning");
    }
}
