//! Which entries of the audit are asked for.

use super::{Filter, text};
use crate::clock::{Instant, UnixSeconds};
use crate::identity::Form;
use crate::issuer::endpoint_error::EndpointError;
use crate::store::{
    AUDIT_ACTIONS, AUDIT_ACTIONS_TOLD, AUDIT_KINDS, AUDIT_KINDS_TOLD, ActorKind, AuditFilter,
};

/// The longest text that is looked for.
const MAX_TEXT_BYTES: usize = 256;

pub(in crate::issuer::http) const SEARCH: &str = "search";
pub(in crate::issuer::http) const ACTOR: &str = "actor";
pub(in crate::issuer::http) const ACTOR_KIND: &str = "actor_kind";
pub(in crate::issuer::http) const OBJECT: &str = "object";
pub(in crate::issuer::http) const OBJECT_KIND: &str = "object_kind";
pub(in crate::issuer::http) const ACTION: &str = "action";
pub(in crate::issuer::http) const FROM: &str = "from";
pub(in crate::issuer::http) const TO: &str = "to";

/// All that are there must hold.
impl Filter for AuditFilter {
    const NAMES: &'static [&'static str] = &[
        SEARCH,
        ACTOR,
        ACTOR_KIND,
        OBJECT,
        OBJECT_KIND,
        ACTION,
        FROM,
        TO,
    ];

    fn read(query: &Form) -> Result<Self, EndpointError> {
        let bounded = |name: &'static str| match text(query, name).unwrap_or_default() {
            long if long.len() > MAX_TEXT_BYTES => Err(EndpointError::Parameter(name)),
            text => Ok(text),
        };
        // A misspelt one would find nothing, and look as if nothing had been done.
        let one_of =
            |name: &'static str, known: &[&str], allowed: &'static str| match text(query, name)
                .unwrap_or_default()
            {
                other if !other.is_empty() && !known.contains(&&*other) => {
                    Err(EndpointError::ParameterValue { name, allowed })
                }
                text => Ok(text),
            };
        let kind = text(query, ACTOR_KIND).map(|text| ActorKind::parse(&text));
        let unknown_kind = EndpointError::ParameterValue {
            name: ACTOR_KIND,
            allowed: "`user` or `command`",
        };
        let instant = |name: &'static str| match text(query, name) {
            None => Ok(None),
            Some(text) => match Instant::parse(&text) {
                Some(instant) => Ok(Some(instant)),
                None => Err(EndpointError::ParameterValue {
                    name,
                    allowed: "a day (`2026-11-23`) or an instant (`2026-11-23T10:00:00Z`), both in UTC",
                }),
            },
        };
        Ok(Self {
            search: bounded(SEARCH)?,
            actor: bounded(ACTOR)?,
            actor_kind: kind.map(|kind| kind.ok_or(unknown_kind)).transpose()?,
            object: bounded(OBJECT)?,
            object_kind: one_of(OBJECT_KIND, &AUDIT_KINDS, AUDIT_KINDS_TOLD)?,
            action: one_of(ACTION, &AUDIT_ACTIONS, AUDIT_ACTIONS_TOLD)?,
            from: instant(FROM)?.map(Instant::begins),
            until: instant(TO)?.map(Instant::ends),
        })
    }
}

/// What a query asks for, as it is in links to other parts of the same list.
pub(in crate::issuer::http) fn parameters(filter: &AuditFilter) -> Vec<(&'static str, String)> {
    let kind = filter.actor_kind.map(ActorKind::name);
    let instant = |at: Option<UnixSeconds>| at.map(|at| at.to_string()).unwrap_or_default();
    // An instant stands for itself and the second that it begins; `until` is the second after it.
    let until = filter.until.map(|until| until.plus(-1));
    let all = vec![
        (SEARCH, filter.search.clone()),
        (ACTOR, filter.actor.clone()),
        (ACTOR_KIND, kind.unwrap_or_default().to_owned()),
        (OBJECT, filter.object.clone()),
        (OBJECT_KIND, filter.object_kind.clone()),
        (ACTION, filter.action.clone()),
        (FROM, instant(filter.from)),
        (TO, instant(until)),
    ];
    let given = all.into_iter().filter(|(_, value)| !value.is_empty());
    given.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<AuditFilter, String> {
        let query = Form::parse(query.as_bytes()).unwrap();
        AuditFilter::read(&query).map_err(|error| error.to_string())
    }

    #[test]
    fn the_filters_of_the_audit_are_read_together_and_written_as_they_were() {
        let query = "search=a+b&actor=alice&actor_kind=user&object=shop&object_kind=app&action=changed\
                     &from=2027-01-15&to=2027-01-15T08:00:00Z";
        let filter = read(query).unwrap();
        let instants = [filter.from, filter.until].map(|at| at.unwrap().to_string());
        assert_eq!(instants, ["2027-01-15T00:00:00Z", "2027-01-15T08:00:01Z"]);
        let written = parameters(&filter);
        let written = written.iter().map(|(name, value)| {
            let value = value.replace(' ', "+");
            format!("{name}={value}")
        });
        let written = written.collect::<Vec<_>>().join("&");
        assert_eq!(read(&written), Ok(filter));
        let none = "search=&actor=+&actor_kind=&object=&object_kind=&action=&from=&to=";
        assert_eq!(read(none), Ok(AuditFilter::default()));
        assert_eq!(parameters(&AuditFilter::default()), []);
    }

    #[test]
    fn what_the_audit_never_says_is_an_error_that_lists_what_it_does() {
        for (query, told) in [
            ("action=disabled", AUDIT_ACTIONS_TOLD),
            ("object_kind=appp", AUDIT_KINDS_TOLD),
        ] {
            let refused = read(query).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
        for (known, told) in [
            (&AUDIT_ACTIONS[..], AUDIT_ACTIONS_TOLD),
            (&AUDIT_KINDS[..], AUDIT_KINDS_TOLD),
        ] {
            let names: Vec<&str> = told.split('`').skip(1).step_by(2).collect();
            assert_eq!(names, known);
        }
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused() {
        let long = format!("object={}", "x".repeat(MAX_TEXT_BYTES + 1));
        for (query, told) in [
            ("actor_kind=somebody", "`user` or `command`"),
            ("from=yesterday", "`2026-11-23`"),
            ("to=2027-02-30", "`2026-11-23`"),
            (&long, "`object` is not valid"),
        ] {
            let error = read(query).unwrap_err();
            assert!(error.contains(told), "{query}: {error}");
        }
    }
}
