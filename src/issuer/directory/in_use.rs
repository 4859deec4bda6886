//! Who would lose something with a thing that is deleted.

use std::fmt;

use super::Thing;
use crate::clock::UnixSeconds;
use crate::identity::{App, Role, User};
use crate::store::Reach;

/// What becomes of something that is in use. Whether it is, is asked in the transaction that would delete it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenUsed {
    /// It stays: somebody would lose something, and nobody has been told.
    Refuse,
    GoOn,
}

/// A thing that others use.
#[derive(Debug)]
pub struct InUse {
    thing: Thing,
    name: String,
    /// Without the thing itself.
    reach: Reach,
    last_used_at: Option<UnixSeconds>,
}

impl InUse {
    pub(super) fn user(user: &User, reach: Reach) -> Self {
        Self {
            thing: Thing::User,
            name: user.username.as_str().to_owned(),
            reach: Reach { users: 0, ..reach },
            last_used_at: None,
        }
    }

    pub(super) fn role(role: &Role, reach: Reach) -> Self {
        Self {
            thing: Thing::Role,
            name: role.name.as_str().to_owned(),
            reach,
            last_used_at: None,
        }
    }

    pub(super) fn app(app: &App, reach: Reach) -> Self {
        Self {
            thing: Thing::App,
            name: app.key.as_str().to_owned(),
            reach: Reach { apps: 0, ..reach },
            last_used_at: app.last_used_at,
        }
    }
}

/// Whether others lose something with a user: it has apps.
pub fn is_user_in_use(reach: Reach) -> bool {
    reach.apps > 0
}

/// Whether somebody has a role.
pub fn is_role_in_use(reach: Reach) -> bool {
    reach.users > 0
}

/// Whether an app has grants, or has got tokens, of which nothing else may be kept.
pub fn is_app_in_use(app: &App, reach: Reach) -> bool {
    app.last_used_at.is_some() || reach.grants > 0
}

/// Such as: the app `4f2a`: 1 user, 2 grants, its last token at 2027-01-15T08:00:00Z.
impl fmt::Display for InUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = &self.reach;
        let least = if reach.has_more_users {
            "at least "
        } else {
            ""
        };
        let more = if reach.has_more_grants {
            "more than "
        } else {
            ""
        };
        let counts = [
            (least, reach.users, "user"),
            ("", reach.apps, "app"),
            (more, reach.grants, "grant"),
            ("", reach.sessions, "session"),
        ];
        let counts = counts.into_iter().filter(|(_, count, _)| *count > 0);
        let mut told: Vec<String> = counts
            .map(|(about, count, what)| {
                format!("{about}{count} {what}{}", if count == 1 { "" } else { "s" })
            })
            .collect();
        told.extend(
            self.last_used_at
                .map(|at| format!("its last token at {at}")),
        );
        let (thing, name) = (self.thing.name(), &self.name);
        write!(formatter, "the {thing} `{name}`: {}", told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{AppKey, RoleName, ScopeSet};

    #[test]
    fn what_is_lost_is_told_in_numbers() {
        let reach = |users, apps, grants, sessions| Reach {
            users,
            apps,
            grants,
            sessions,
            ..Reach::default()
        };
        let role = Role {
            name: RoleName::parse("clerk").unwrap(),
            scopes: ScopeSet::default(),
            is_default: false,
        };
        assert!(!is_role_in_use(reach(0, 0, 0, 0)));
        let told = InUse::role(&role, reach(2, 1, 0, 0));
        assert_eq!(told.to_string(), "the role `clerk`: 2 users, 1 app");
        let told = InUse {
            thing: Thing::App,
            name: AppKey::known("4f2a").as_str().to_owned(),
            reach: reach(1, 0, 2, 0),
            last_used_at: Some(UnixSeconds(1_800_000_000)),
        };
        let expected = "the app `4f2a`: 1 user, 2 grants, its last token at 2027-01-15T08:00:00Z";
        assert_eq!(told.to_string(), expected);
        let many = Reach {
            has_more_users: true,
            has_more_grants: true,
            ..reach(9000, 0, 10_000, 0)
        };
        let told = InUse {
            reach: many,
            last_used_at: None,
            ..told
        };
        let expected = "the app `4f2a`: at least 9000 users, more than 10000 grants";
        assert_eq!(told.to_string(), expected);
    }
}
