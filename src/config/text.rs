//! The file of a configuration: where its values stand, and what of it a report may show.

use std::path::Path;

use super::document::SECTIONS;
use super::{ConfigError, ConfigReport};
use crate::files::{self, FileError};
use crate::problem::{Faults, Place, Problem, Problems, Source, may_hold_a_password, quoted};
use crate::yaml::Outline;

/// A configuration as it is written.
#[derive(Debug)]
pub struct ConfigText(Source);

impl ConfigText {
    pub(super) fn read(path: &Path) -> Result<Self, FileError> {
        files::read_source(path).map(Self)
    }

    /// The file's name, and its text.
    pub fn source(&self) -> &Source {
        &self.0
    }

    /// Why the file could not be read as a configuration, with the faults of what could be. It may say anything, so
    /// that of its lines only those values are shown that never are secret.
    pub(super) fn unreadable(&self, problems: Vec<Problem>, faults: Faults) -> ConfigError {
        let outline = Outline::of(&self.0);
        let faults = faults.into_problems(|key| outline.place(&self.0, key));
        let Problems(mut all) = Problems(problems).without_quotations(&self.0);
        for problem in &mut all {
            name_the_key(problem, &outline);
        }
        all.extend(faults.concealed(&self.0).0);
        let problems = Problems(all).by_lines();
        ConfigError::Document(Box::new(ConfigReport {
            rendered: problems.render_concealed(&self.0),
            problems,
        }))
    }

    /// That the file is a policy, if it is: else each of its keys would be a problem of its own.
    pub(super) fn policy(&self) -> Option<Problem> {
        let outline = Outline::of(&self.0);
        let mut sections = SECTIONS.iter().filter(|section| **section != "version");
        if !outline.has_key("routes") || sections.any(|section| outline.has_key(section)) {
            return None;
        }
        let problem =
            Problem::new("this is a policy and not a server's configuration: it has `routes`");
        let problem = problem.help(
            "name it without `--config`, as in `portcullis check FILE`, or by `--policy FILE`; `--config` \
             names the file that has `listeners` and `trust`",
        );
        Some(match outline.place(&self.0, "") {
            Some(place) => problem.at(place),
            None => problem,
        })
    }

    /// Where the value at a key of the configuration is, or what it would belong to.
    pub fn place(&self, key: &str) -> Option<Place> {
        Outline::of(&self.0).place(&self.0, key)
    }

    /// The report of what is wrong with its values.
    pub fn report(&self, faults: Faults) -> ConfigReport {
        let outline = Outline::of(&self.0);
        // Addresses are quoted, and those that are wrong may hold a password.
        let problems = faults.into_problems(|key| outline.place(&self.0, key));
        let problems = problems.concealed(&self.0);
        let hidden = outline.hidden(&self.0, &["issuer.store"], may_hold_a_password);
        let rendered = problems.render_without(&self.0, &hidden);
        ConfigReport { problems, rendered }
    }
}

/// Says which key a value belongs to that cannot be read: its line may be concealed.
fn name_the_key(problem: &mut Problem, outline: &Outline) {
    let is_about_a_value = ["unknown value ", " is not text"]
        .iter()
        .any(|part| problem.message.contains(part));
    let place = problem.place.as_ref().filter(|_| is_about_a_value);
    let Some(name) = place.and_then(|place| outline.name_at(place.line, place.column)) else {
        return;
    };
    problem.message = format!("{}: {}", quoted(&name), problem.message);
    // Quotation marks alone make no address of a port.
    if name.ends_with(".address") {
        let example = "write an IP address and a port, such as `127.0.0.1:9191`";
        problem.help = Some(example.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::{Config, Overrides};

    /// What is said of a file with this text, under a short name.
    fn said(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.yaml");
        std::fs::write(&path, text).unwrap();
        let error = Config::load(&path, &Overrides::default()).unwrap_err();
        let name = path.display().to_string();
        error.to_string().replace(&name, "portcullis.yaml")
    }

    #[test]
    fn each_mistake_is_shown_where_it_is() {
        assert_snapshot!(said("\
version: 2
drain_seconds: 99999 # an hour
listeners:
  authz: {address: localhost:1}
trust:
  - issuer: https://id.shop.example
    algorithms: [ES256, none]
    jwks_uri: https://id.shop.example/keys
    jwks_refresh_seconds: 5
  - name: staff
    issuer: https://staff.example
    audiences: [a]
    algorithms: [HS256]
    jwks_file: jwks.json
"), @r#"
        error: `policy` names no file: list at least one, such as `policy: [policy.yaml]`
         --> portcullis.yaml:1:1
          |
        1 | version: 2
          | ^

        error: `version: 2` is not supported: write `version: 1`
         --> portcullis.yaml:1:10
          |
        1 | version: 2
          |          ^

        error: `drain_seconds: 99999` is out of bounds: from 0 to 3600
         --> portcullis.yaml:2:16
          |
        2 | drain_seconds: 99999 ***
          |                ^^^^^

        error: `listeners.authz.address`: `localhost:1` is not a valid address: write an IP address and a port such as `127.0.0.1:9191`, or `unix:/run/portcullis/authz.sock`
         --> portcullis.yaml:4:20
          |
        4 |   authz: {address: localhost:1}
          |                    ^^^^^^^^^^^

        error: `trust[0]` (issuer `https://id.shop.example`) has no audience: list the tokens' `aud` for this service, such as `audiences: [orders-api]`; without it any token of the issuer would do
         --> portcullis.yaml:6:5
          |
        6 |   - issuer: https://id.shop.example
          |     ^

        error: `trust[0].algorithms`: `none` is not supported: use HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA; the library that verifies signatures has no others
         --> portcullis.yaml:7:25
          |
        7 |     algorithms: [ES256, none]
          |                         ^^^^

        error: `trust[0].jwks_refresh_seconds: 5` is shorter than the cooldown of 30 seconds: raise it, or lower `jwks_cooldown_seconds`
         --> portcullis.yaml:9:27
          |
        9 |     jwks_refresh_seconds: 5
          |                           ^

        error: `trust[1].algorithms`: HS256, HS384 or HS512 needs `hmac_secret_file`: a JWKS is public and holds no secret
          --> portcullis.yaml:13:5
           |
        13 |     algorithms: [HS256]
           |     ^^^^^^^^^^

        8 problems
        "#);
    }

    #[test]
    fn a_value_that_cannot_be_read_is_named_by_its_key() {
        let said = said(
            "version: 1\npolicy: [a.yaml]\nlog: {level: verbose}\nlisteners:\n  authz: {address: 9191}\n",
        );
        for expected in [
            "error: `log.level`: unknown value `verbose`\n",
            "error: `listeners.authz.address`: `9191` is not text",
            "= help: write an IP address and a port, such as `127.0.0.1:9191`\n",
        ] {
            assert!(said.contains(expected), "no {expected} in {said}");
        }
    }

    #[test]
    fn the_entry_of_a_header_that_cannot_be_used_is_shown() {
        for (entry, column, message) in [
            (
                "client: x-auth-subject",
                28,
                "`x-auth-subject` is the header of `client` and of `subject`, by default: give each value its \
                 own header",
            ),
            (
                "subject: x-auth-issuer",
                29,
                "`x-auth-issuer` is the header of `subject` and of `issuer`, by default: give each value its \
                 own header",
            ),
            (
                "subject: x-a, claims: {x-a: b}",
                48,
                "`x-a` is the header of `claims.x-a` and of `subject`: give each value its own header",
            ),
            (
                "scopes: Scopes",
                28,
                "`Scopes` is not a valid header name: use lower-case letters, digits and `-`",
            ),
            (
                "issuer: host",
                28,
                "`host` is reserved: choose a name such as `x-auth-subject`",
            ),
        ] {
            let text = format!("version: 1\npolicy: [a.yaml]\nidentity_headers: {{{entry}}}\n");
            let said = said(&text);
            let message = format!("error: `identity_headers`: {message}\n");
            assert!(said.contains(&message), "{said}");
            assert!(said.contains(&format!(":3:{column}\n")), "{entry}: {said}");
        }
    }

    #[test]
    fn both_entries_that_are_alike_are_shown() {
        assert_snapshot!(said("\
version: 1
policy: [policy.yaml]
trust:
  - {name: a, issuer: https://id, audiences: [x], algorithms: [ES256], jwks_file: a.json}
  - {name: a, issuer: https://id, audiences: [x], algorithms: [ES256], jwks_file: b.json}
"), @r#"
        error: `trust[1]` and `trust[0]`: the issuer `https://id` is listed twice for the audience `x`: give each entry audiences of its own, or another `audience_claim` or `token_header`
         --> portcullis.yaml:5:5
          |
        5 |   - {name: a, issuer: https://id, audiences: [x], algorithms: [ES256], jwks_file: b.json}
          |     ^
          |
         ::: portcullis.yaml:4:5
          |
        4 |   - {name: a, issuer: https://id, audiences: [x], algorithms: [ES256], jwks_file: a.json}
          |     - the other entry

        error: `trust[1]` (issuer `https://id`) has the name of `trust[0]`, `a`: give one of them another by `name`
         --> portcullis.yaml:5:12
          |
        5 |   - {name: a, issuer: https://id, audiences: [x], algorithms: [ES256], jwks_file: b.json}
          |            ^
          |
         ::: portcullis.yaml:4:12
          |
        4 |   - {name: a, issuer: https://id, audiences: [x], algorithms: [ES256], jwks_file: a.json}
          |            - the other entry

        2 problems
        "#);
    }

    #[test]
    fn what_may_be_secret_is_left_out() {
        assert_snapshot!(said("\
version: 1
policy: [policy.yaml]
trust: # hunter2
  - {issuer: a, audiences: [b], algorithms: [ES256], jwks_uri: \"https//u:hunter2@h\"} # hunter2
issuer:
  {url: https://id.shop.example, store: postgres//hunter2, threads: 0}
"), @r#"
        error: `trust[0]` (issuer `a`): `jwks_uri` is not a URL: it has no `://`; write `https://host/path`
         --> portcullis.yaml:4:64
          |
        4 |   - {issuer: a, audiences: [b], algorithms: [ES256], jwks_uri: ***} ***
          |                                                                ^^^

        error: `issuer.store` is not valid: write `sqlite:FILE`, or `postgres://USER@HOST/DATABASE`
         --> portcullis.yaml:6:41
          |
        6 |   {url: https://id.shop.example, store: ***, threads: 0}
          |                                         ^^^

        error: `issuer.threads: 0` is out of bounds: from 1 to 1024
         --> portcullis.yaml:6:69
          |
         ::: 
        6 |   {url: https://id.shop.example, store: ***, threads: 0}
          |                                                       ^

        3 problems
        "#);
    }

    #[test]
    fn a_log_that_would_spoil_a_file_is_told_beside_everything_else() {
        let said = said(
            "\
version: 1
policy: [policy.yaml]
drain_seconds: 99999
trust:
  - {issuer: a, audiences: [], algorithms: [ES256], jwks_file: a.json}
  - {issuer: b, audiences: [b], algorithms: [ES256], jwks_file: b.json}
log:
  outputs: {audit: policy.yaml, decision: b.json}
",
        );
        for place in [":3:", ":5:", ":8:20", ":8:43"] {
            assert!(said.contains(place), "no {place} in {said}");
        }
        for key in ["policy", "trust[1]"] {
            let words = format!("is what `{key}` names");
            assert!(said.contains(&words), "no {words} in {said}");
        }
        assert!(said.contains("4 problems"), "{said}");
    }

    #[test]
    fn what_cannot_be_read_hides_no_other_section() {
        assert_snapshot!(said("\
version: 1
policy: [policy.yaml]
drain_seconds: 99999
trust:
  - {issuer: a, audience: [b], algorithms: [ES256], jwks_file: a.json}
log:
  level: loud
  buffer_lines: 0
cache: {max_entries: 0}
issuer: {url: \"https//u:hunter2@h\", store: \"sqlite:x.db\"}
"), @r"
        error: `drain_seconds: 99999` is out of bounds: from 0 to 3600
         --> portcullis.yaml:3:16
          |
        3 | drain_seconds: 99999
          |                ^^^^^

        error: unknown key `audience`
        --> portcullis.yaml:5:17
         = help: did you mean `audiences`?

        error: `log.level`: unknown value `loud`
         --> portcullis.yaml:7:10
          |
        7 |   level: loud
          |          ^^^^
          |
          = help: known are `none`, `error`, `warn`, `info`, `debug`, `trace`

        error: `cache.max_entries: 0` is out of bounds: from 1 to 100000000
        --> portcullis.yaml:9:22

        error: `***` is not a valid issuer: write an absolute `https://` or `http://` URL without path, query and fragment, such as `https://id.shop.example`
        --> portcullis.yaml:10:15

        5 problems
        ");
    }

    #[test]
    fn a_message_does_not_quote_what_its_line_hides() {
        let said = said(
            "\
version: 1
policy: [policy.yaml]
trust:
  - {issuer: \"https//u:hunter2@h\", audiences: [b], algorithms: [ES256], keys: companion}
  - {issuer: a, audiences: [b], algorithms: [ES256], feed: {addresses: [\"http//u:hunter2@h\"]}}
issuer:
  url: https//u:hunter2@id
  store: sqlite:x.db
  portal: {example_url: \"https//u:hunter2@api\"}
",
        );
        for place in [":4:", ":5:73", ":7:8", ":9:25"] {
            assert!(said.contains(place), "no {place} in {said}");
        }
        assert!(!said.contains("hunter2"), "{said}");
    }

    /// A caret under what stands for it would be at another column than the place says.
    #[test]
    fn within_what_is_left_out_nothing_is_marked() {
        let flow = said("version: 1\npolicy: [a.yaml]\nlog: {level: loud}\n");
        assert!(flow.contains("portcullis.yaml:3:14\n"), "{flow}");
        assert!(!flow.contains('^'), "{flow}");
        let block = said("version: 1\npolicy: [a.yaml]\nlog:\n  level: loud\n");
        assert!(block.contains("portcullis.yaml:4:10\n"), "{block}");
        assert!(block.contains("  level: loud\n"), "{block}");
        assert!(block.contains("         ^^^^\n"), "{block}");
    }

    #[cfg(feature = "traces")]
    #[test]
    fn a_share_that_is_no_number_is_told_how_to_write_one() {
        let said = said(
            "version: 1\npolicy: [a.yaml]\n\
             traces: {endpoint: \"http://127.0.0.1:4317\", sample_ratio: \"50%\"}\n",
        );
        assert!(
            said.contains("help: write a number such as 0.1\n"),
            "{said}"
        );
    }
}
