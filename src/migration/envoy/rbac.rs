//! The filter `envoy.filters.http.rbac`.

use std::fmt::Write as _;

use super::matcher::{TextMatcher, header, path_test, text_matcher, unknown_key};
use super::providers::Providers;
use crate::doctor::field::{field, items, text};
use crate::migration::Notes;
use crate::migration::formula::{Formula, Test};
use crate::migration::template::PathTest;
use crate::migration::text::{TextMatch, TextTest, is_quotable, literal};
use crate::problem::quoted;
use crate::yaml::Tree;

/// The settings of the filter that are understood.
const SETTINGS: [&str; 7] = [
    "rules",
    "rules_stat_prefix",
    "shadow_rules",
    "shadow_rules_stat_prefix",
    "shadow_matcher",
    "track_per_rule_stats",
    "stat_prefix",
];

/// Reads the rules of one filter.
pub(super) struct Reader<'r> {
    pub(super) providers: &'r Providers,
    pub(super) notes: &'r mut Notes,
    /// The rules that were read.
    pub(super) rules: &'r mut usize,
}

impl Reader<'_> {
    /// What `RBAC` lets in.
    pub(super) fn filter(&mut self, config: &Tree, place: &str) -> Formula {
        for key in ["shadow_rules", "shadow_matcher"] {
            if field(config, key).is_some() {
                self.notes
                    .add(place, format!("`{key}` decides nothing and is left out"));
            }
        }
        if let Some(key) = unknown_key(config, &SETTINGS) {
            return self.notes.unknown(place, &format!("`{key}` has no equal"));
        }
        let Some(rules) = field(config, "rules") else {
            return Formula::True;
        };
        if let Some(key) = unknown_key(rules, &["action", "policies", "audit_logging_options"]) {
            return self.notes.unknown(place, &format!("`{key}` has no equal"));
        }
        let mut policies = Vec::new();
        for (name, policy) in field(rules, "policies")
            .map(Tree::entries)
            .unwrap_or_default()
        {
            *self.rules += 1;
            policies.push(self.policy(policy, &format!("{place}, policy {name}")));
        }
        match field(rules, "action") {
            None | Some(Tree::Null) => Formula::Any(policies),
            Some(Tree::Text(action)) if action == "ALLOW" => Formula::Any(policies),
            Some(Tree::Text(action)) if action == "DENY" => Formula::not(Formula::Any(policies)),
            Some(Tree::Text(action)) if action == "LOG" => {
                self.notes
                    .add(place, "the action `LOG` decides nothing and is left out");
                Formula::True
            }
            Some(_) => self.notes.unknown(place, "this action has no equal"),
        }
    }

    fn policy(&mut self, policy: &Tree, place: &str) -> Formula {
        let mut all = Vec::new();
        if let Some(key) = unknown_key(policy, &["permissions", "principals"]) {
            all.push(self.notes.unknown(place, &format!("`{key}` has no equal")));
        }
        let permissions = items(policy, &["permissions"]).iter().enumerate();
        let permissions = permissions.map(|(index, one)| {
            self.permission(one, &format!("{place}, permission {}", index + 1))
        });
        all.push(Formula::Any(permissions.collect()));
        let principals = items(policy, &["principals"]).iter().enumerate();
        let principals = principals
            .map(|(index, one)| self.principal(one, &format!("{place}, principal {}", index + 1)));
        all.push(Formula::Any(principals.collect()));
        Formula::All(all)
    }

    fn permission(&mut self, tree: &Tree, place: &str) -> Formula {
        let Some((kind, value)) = only(tree) else {
            return self
                .notes
                .unknown(place, "it does not say exactly one thing");
        };
        match kind.as_str() {
            "and_rules" => Formula::All(self.permissions(value, place)),
            "or_rules" => Formula::Any(self.permissions(value, place)),
            "not_rule" => Formula::not(self.permission(value, place)),
            _ => self.either(&kind, value, place),
        }
    }

    fn permissions(&mut self, tree: &Tree, place: &str) -> Vec<Formula> {
        let rules = items(tree, &["rules"]).iter();
        rules.map(|rule| self.permission(rule, place)).collect()
    }

    fn principal(&mut self, tree: &Tree, place: &str) -> Formula {
        let Some((kind, value)) = only(tree) else {
            return self
                .notes
                .unknown(place, "it does not say exactly one thing");
        };
        match kind.as_str() {
            "and_ids" => Formula::All(self.principals(value, place)),
            "or_ids" => Formula::Any(self.principals(value, place)),
            "not_id" => Formula::not(self.principal(value, place)),
            _ => self.either(&kind, value, place),
        }
    }

    fn principals(&mut self, tree: &Tree, place: &str) -> Vec<Formula> {
        let ids = items(tree, &["ids"]).iter();
        ids.map(|id| self.principal(id, place)).collect()
    }

    /// What permissions and principals have in common.
    fn either(&mut self, kind: &str, value: &Tree, place: &str) -> Formula {
        match kind {
            "any" if value.is_true() => Formula::True,
            "header" => header(value, self.providers.hosts, place, self.notes),
            "url_path" => match field(value, "path").map(text_matcher) {
                Some(Ok(matcher)) => self.path(matcher, place),
                Some(Err(reason)) => self.notes.unknown(place, &reason),
                None => self.notes.unknown(place, "`url_path` without a path"),
            },
            "metadata" => match self.metadata(value) {
                Ok(formula) => formula,
                Err(reason) => self.notes.unknown(place, &reason),
            },
            "authenticated" => self.notes.unknown(
                place,
                "`authenticated` is about the client's certificate, which the gate does not check",
            ),
            "source_ip" | "direct_remote_ip" | "remote_ip" => self.notes.unknown(
                place,
                &format!("`{kind}`: routes do not tell addresses apart"),
            ),
            _ => self.notes.unknown(place, &format!("`{kind}` has no equal")),
        }
    }

    fn path(&mut self, matcher: TextMatcher, place: &str) -> Formula {
        let test = path_test(matcher);
        if let PathTest::Some { reason, .. } = &test {
            self.notes.add(place, format!("not carried over: {reason}"));
        }
        Formula::path(test)
    }

    /// What `jwt_authn` has put there of a token.
    fn metadata(&self, tree: &Tree) -> Result<Formula, String> {
        if let Some(key) = unknown_key(tree, &["filter", "path", "value"]) {
            return Err(format!("`{key}` of `metadata` has no equal"));
        }
        if text(tree, &["filter"]) != Some("envoy.filters.http.jwt_authn") {
            return Err("`metadata` of this filter has no equal".to_owned());
        }
        let keys: Option<Vec<&str>> = items(tree, &["path"])
            .iter()
            .map(|step| text(step, &["key"]))
            .collect();
        let keys = keys.ok_or("the path of `metadata` is not a list of keys")?;
        let Some((payload, claim)) = keys.split_first() else {
            return Err("`metadata` without a path".to_owned());
        };
        if claim.is_empty() {
            return Err("a payload as a whole has no equal".to_owned());
        }
        let value = field(tree, "value").ok_or("`metadata` without a value")?;
        let mut alternatives = Vec::new();
        for provider in self.providers.of_payload(payload) {
            let is_split = matches!(claim, [only] if provider.splits(only));
            let condition = claim_condition(claim, value, is_split)?;
            let token = Formula::Test(Test::Payload(provider.name.clone()));
            alternatives.push(Formula::All(vec![token, provider.also.clone(), condition]));
        }
        if self.providers.hides_payload(payload) {
            let reason = "it is about tokens of a provider that is not carried over";
            alternatives.push(Formula::Unknown(reason.into()));
        }
        if alternatives.is_empty() {
            return Err(format!(
                "no provider puts the payload of tokens under {}",
                quoted(payload)
            ));
        }
        Ok(Formula::Any(alternatives))
    }
}

/// What permissions and principals can be, as far as it is understood.
const NAMES: [&str; 14] = [
    "and_rules",
    "or_rules",
    "not_rule",
    "and_ids",
    "or_ids",
    "not_id",
    "any",
    "header",
    "url_path",
    "metadata",
    "authenticated",
    "source_ip",
    "direct_remote_ip",
    "remote_ip",
];

/// The only member of a message, by its name in the proto files.
fn only(tree: &Tree) -> Option<(String, &Tree)> {
    let [(name, value)] = tree.entries() else {
        return None;
    };
    let known = NAMES
        .iter()
        .find(|known| field(tree, known).is_some())
        .map(|known| (*known).to_owned());
    Some((known.unwrap_or_else(|| name.clone()), value))
}

/// A condition on a claim, by the way to it. Of some claims, `jwt_authn` makes a list of their words.
fn claim_condition(claim: &[&str], value: &Tree, is_split: bool) -> Result<Formula, String> {
    let subject = claim_subject(claim)?;
    let Some((kind, value)) = value
        .entries()
        .first()
        .filter(|_| value.entries().len() == 1)
    else {
        return Err("the value of `metadata` does not say exactly one thing".to_owned());
    };
    match kind.as_str() {
        "string_match" | "stringMatch" if is_split => {
            Err("`string_match` never matches a claim that is split into words".to_owned())
        }
        "string_match" | "stringMatch" => {
            let test = plain(text_matcher(value)?)?;
            Ok(Formula::condition(test.condition(&subject)))
        }
        "bool_match" | "boolMatch" => match value {
            Tree::Bool(wanted) => Ok(Formula::condition(format!("{subject} == {wanted}"))),
            _ => Err("`bool_match` is not a boolean".to_owned()),
        },
        "list_match" | "listMatch" => {
            let one_of = field(value, "one_of").ok_or("this `list_match` has no equal")?;
            let matcher = field(one_of, "string_match").ok_or("this `list_match` has no equal")?;
            let test = plain(text_matcher(matcher)?)?;
            Ok(Formula::condition(in_list(&subject, &test, is_split)))
        }
        other => Err(format!("`{other}` has no equal")),
    }
}

/// That an item of a list meets a test. A list joined with an empty one is itself; nothing else is, so that
/// the names of an object's members do not count.
pub(in crate::migration) fn in_list(subject: &str, test: &TextTest, is_split: bool) -> String {
    let list = if is_split {
        format!("{subject}.split(\" \")")
    } else {
        format!("({subject} + [])")
    };
    match &test.how {
        TextMatch::Exact(item) if !test.ignore_case => format!("{} in {list}", literal(item)),
        _ => format!("{list}.exists(x, {})", test.condition("x")),
    }
}

fn plain(matcher: TextMatcher) -> Result<TextTest, String> {
    match matcher {
        TextMatcher::Text(test) if is_quotable(test.operand()) => Ok(test),
        TextMatcher::Text(_) => Err("its value cannot be written in a condition".to_owned()),
        TextMatcher::Expression { written, .. } => Err(format!(
            "regular expressions on claims are not carried over: {}",
            quoted(&written)
        )),
    }
}

/// A claim as conditions name it.
pub(in crate::migration) fn claim_subject(claim: &[&str]) -> Result<String, String> {
    let mut subject = "token".to_owned();
    for name in claim {
        if name.is_empty() || !is_quotable(name) || name.len() > 100 {
            return Err("the claim has no name that a condition can have".to_owned());
        }
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        // `token.aud` and `token.scopes` are not the claims as they stand.
        if claim.len() == 1 && ["aud", "scopes"].contains(name) {
            return Err(format!(
                "the claim {} is read otherwise by the gate",
                quoted(name)
            ));
        }
        if is_name {
            subject.push('.');
            subject.push_str(name);
        } else {
            let _ = write!(subject, "[{}]", literal(name));
        }
    }
    Ok(subject)
}
