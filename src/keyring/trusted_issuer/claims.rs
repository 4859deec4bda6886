//! `claims`, `scope_names`, `require` and their kin, as they are written: what the tokens of an issuer
//! mean.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::problem::Faults;
use crate::token::{ClaimPath, ClaimRules, RequiredClaim, WantedValue};
use crate::yaml::present;

/// `claims`: which claims mean what.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClaimsDocument {
    #[serde(deserialize_with = "present")]
    subject: Option<Vec<ClaimPath>>,
    #[serde(deserialize_with = "present")]
    client: Option<Vec<ClaimPath>>,
    #[serde(deserialize_with = "present")]
    scopes: Option<Vec<ClaimPath>>,
}

/// What an entry of `trust` says of claims.
#[derive(Debug)]
pub(super) struct WrittenRules {
    pub(super) claims: Option<ClaimsDocument>,
    pub(super) scope_claim: Option<String>,
    pub(super) audience_claim: Option<String>,
    pub(super) scope_names: BTreeMap<String, Several>,
    pub(super) require: Option<WrittenRequirements>,
}

/// One text, or a list of them.
#[derive(Debug)]
pub(super) struct Several(Vec<String>);

/// `require`: claims with the values that they may have; a mapping instead of values leads down.
#[derive(Debug)]
pub(super) struct WrittenRequirements(Vec<(String, Wanted)>);

#[derive(Debug)]
enum Wanted {
    Values(Vec<WantedValue>),
    Below(WrittenRequirements),
}

impl WrittenRules {
    /// The rules; `key` is the entry's.
    pub(super) fn build(self, key: &str, faults: &mut Faults) -> ClaimRules {
        let default = ClaimRules::default();
        let claims = self.claims.unwrap_or_default();
        let mut read = |name: &str, written: Option<Vec<ClaimPath>>, or: Vec<ClaimPath>| {
            written.map_or(or, |written| {
                not_empty(&format!("{key}.claims.{name}"), written, faults)
            })
        };
        let subject = read("subject", claims.subject, default.subject);
        let client = read("client", claims.client, default.client);
        let says_scopes = claims.scopes.is_some();
        let mut scopes = read("scopes", claims.scopes, default.scopes);
        if let Some(name) = self.scope_claim {
            if name.is_empty() {
                faults.add(
                    format!("{key}.scope_claim"),
                    format!("`{key}.scope_claim` is empty: name the claim, such as `scope`"),
                );
            }
            if says_scopes {
                faults.add(format!("{key}.scope_claim"), format!(
                    "`{key}` has both `scope_claim` and `claims.scopes`: keep `claims.scopes`, of \
                     which the other is a short form"
                ));
            }
            scopes = vec![ClaimPath::named(&name)];
        }
        let audience = self.audience_claim.map_or(default.audience, |name| {
            if name.is_empty() {
                faults.add(
                    format!("{key}.audience_claim"),
                    format!("`{key}.audience_claim` is empty: name the claim, such as `client_id`"),
                );
            }
            ClaimPath::named(&name)
        });
        let mut require = Vec::new();
        if let Some(written) = self.require {
            written.flatten(&format!("{key}.require"), &[], &mut require, faults);
        }
        ClaimRules {
            audience,
            subject,
            client,
            scopes,
            scope_names: scope_names(key, self.scope_names, faults),
            require,
        }
    }
}

fn not_empty(key: &str, paths: Vec<ClaimPath>, faults: &mut Faults) -> Vec<ClaimPath> {
    if paths.is_empty() {
        faults.add(
            key,
            format!("`{key}` is empty: list the claims, or remove it for the default"),
        );
    }
    paths
}

fn scope_names(
    key: &str,
    written: BTreeMap<String, Several>,
    faults: &mut Faults,
) -> BTreeMap<Box<str>, Vec<Box<str>>> {
    let mut names = BTreeMap::new();
    for (name, Several(scopes)) in written {
        let unusable = |scope: &&String| {
            scope.is_empty() || scope.contains(' ') || scope.contains(char::is_control)
        };
        if let Some(scope) = scopes.iter().find(unusable) {
            faults.add(
                format!("{key}.scope_names.{name}"),
                format!(
                    "`{key}.scope_names`: `{scope}` cannot be a scope: write names without spaces"
                ),
            );
        }
        let scopes = scopes.into_iter().map(Into::into).collect();
        names.insert(name.into(), scopes);
    }
    names
}

impl WrittenRequirements {
    fn flatten(
        self,
        key: &str,
        above: &[Box<str>],
        required: &mut Vec<RequiredClaim>,
        faults: &mut Faults,
    ) {
        for (name, wanted) in self.0 {
            let mut way = above.to_vec();
            way.push(name.as_str().into());
            let key = format!("{key}.{name}");
            match (wanted, ClaimPath::down(way.clone())) {
                (Wanted::Values(any_of), Some(path)) if !any_of.is_empty() => {
                    required.push(RequiredClaim { path, any_of });
                }
                (Wanted::Below(below), Some(_)) if !below.0.is_empty() => {
                    below.flatten(&key, &way, required, faults);
                }
                // An empty requirement would be met by every token, which nobody writes a requirement
                // for.
                _ => faults.add(&*key, format!(
                    "`{key}` requires nothing: write the value, or a list of values of which the \
                     claim must have one"
                )),
            }
        }
    }
}

impl<'de> Deserialize<'de> for Several {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SeveralVisitor;

        impl<'de> Visitor<'de> for SeveralVisitor {
            type Value = Several;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or a list of strings")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Several, E> {
                Ok(Several(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Several, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element()? {
                    texts.push(text);
                }
                Ok(Several(texts))
            }
        }

        deserializer.deserialize_any(SeveralVisitor)
    }
}

impl<'de> Deserialize<'de> for WrittenRequirements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Wanted::deserialize(deserializer)? {
            Wanted::Below(requirements) => Ok(requirements),
            Wanted::Values(_) => Err(serde::de::Error::custom(
                "invalid type: expected a mapping of claims to the values that they must have",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WantedVisitor)
    }
}

struct WantedVisitor;

fn one(value: WantedValue) -> Wanted {
    Wanted::Values(vec![value])
}

impl<'de> Visitor<'de> for WantedVisitor {
    type Value = Wanted;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a number, `true`, `false`, a list of these, or a mapping")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Wanted, E> {
        Ok(one(WantedValue::text(text)))
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Wanted, E> {
        Ok(one(WantedValue::Flag(flag)))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Wanted, E> {
        Ok(one(WantedValue::Number(number.into())))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Wanted, E> {
        Ok(one(WantedValue::Number(number.into())))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Wanted, E> {
        match serde_json::Number::from_f64(number) {
            Some(number) => Ok(one(WantedValue::Number(number))),
            None => Err(E::custom("no claim has this number")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Wanted, A::Error> {
        let mut any_of = Vec::new();
        while let Some(item) = items.next_element::<Wanted>()? {
            match item {
                Wanted::Values(mut values) if values.len() == 1 => any_of.append(&mut values),
                Wanted::Values(_) | Wanted::Below(_) => {
                    return Err(serde::de::Error::custom(
                        "a list of values can contain only texts, numbers, `true` and `false`",
                    ));
                }
            }
        }
        Ok(Wanted::Values(any_of))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Wanted, A::Error> {
        let mut below = Vec::new();
        while let Some(member) = members.next_entry()? {
            below.push(member);
        }
        Ok(Wanted::Below(WrittenRequirements(below)))
    }
}
