//! `--dry-run`: whom a command would concern that takes something away. Nothing is changed.

use clap::Args;
use serde_json::json;

use super::administration::Report;
use crate::identity::{Role, RoleName};
use crate::issuer::directory::{AppSearch, AppsOf, Directory, DirectoryError, MAX_APPS};
use crate::store::{Page, Reach, ScopeReach, UserFilter};

/// So many are named.
const MAX_NAMES: usize = 100;

/// What people are shown; with `--format json` there are names as well.
const MEMBERS: &[&str] = &["would_concern", "users", "apps", "grants", "sessions"];

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct DryRun {
    /// Change nothing: print how many users, apps, grants and sessions lose something, and with `--format json`
    /// the names of up to 100
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Whom something concerns.
struct Concerned {
    what: String,
    reach: Reach,
    usernames: Vec<String>,
    app_keys: Vec<String>,
}

impl Concerned {
    fn report(self) -> Report {
        let Reach {
            users,
            apps,
            grants,
            sessions,
            has_more_users: _,
            has_more_grants,
        } = self.reach;
        let told = json!({
            "would_concern": self.what,
            "users": users,
            "apps": apps,
            "grants": grants,
            "has_more_grants": has_more_grants,
            "sessions": sessions,
            "usernames": self.usernames,
            "app_keys": self.app_keys,
        });
        Report::One(told, MEMBERS)
    }
}

pub(super) async fn of_user(
    directory: &Directory<'_>,
    name: &str,
) -> Result<Report, DirectoryError> {
    let (user, reach) = directory.user_with_reach(name).await?;
    let concerned = Concerned {
        what: format!("user {}", user.username.as_str()),
        reach,
        usernames: vec![user.username.as_str().to_owned()],
        app_keys: app_keys(directory, user.username.as_str()).await?,
    };
    Ok(concerned.report())
}

pub(super) async fn of_app(directory: &Directory<'_>, key: &str) -> Result<Report, DirectoryError> {
    let (owned, reach) = directory.app_with_reach(key, AppsOf::Everybody).await?;
    let concerned = Concerned {
        what: format!("app {}", owned.app.name.as_str()),
        reach,
        usernames: vec![owned.owner.as_str().to_owned()],
        app_keys: vec![owned.app.key.as_str().to_owned()],
    };
    Ok(concerned.report())
}

pub(super) async fn of_role(
    directory: &Directory<'_>,
    name: &str,
) -> Result<Report, DirectoryError> {
    let (role, reach) = directory.role_with_reach(name).await?;
    let (usernames, app_keys) = of_roles(directory, &[role.name.as_str()]).await?;
    let concerned = Concerned {
        what: told(&role),
        reach,
        usernames,
        app_keys,
    };
    Ok(concerned.report())
}

pub(super) async fn of_scope(
    directory: &Directory<'_>,
    name: &str,
) -> Result<Report, DirectoryError> {
    let (scope, found) = directory.scope_with_reach(name).await?;
    let ScopeReach {
        roles,
        users,
        apps,
        followers,
    } = found;
    let names: Vec<&str> = roles.iter().map(RoleName::as_str).collect();
    let (usernames, app_keys) = of_roles(directory, &names).await?;
    let concerned = Concerned {
        what: format!("scope {} of {} roles", scope.name.as_str(), names.len()),
        // Of a scope grants are not counted.
        reach: Reach {
            users,
            apps: apps + followers,
            ..Reach::default()
        },
        usernames,
        app_keys,
    };
    Ok(concerned.report())
}

fn told(role: &Role) -> String {
    format!("role {}", role.name.as_str())
}

/// Some users who have one of these roles, and some of their apps.
async fn of_roles(
    directory: &Directory<'_>,
    roles: &[&str],
) -> Result<(Vec<String>, Vec<String>), DirectoryError> {
    let (mut usernames, mut keys) = (Vec::new(), Vec::new());
    for role in roles {
        if usernames.len() >= MAX_NAMES {
            break;
        }
        let filter = UserFilter {
            role: (*role).to_owned(),
            ..UserFilter::default()
        };
        let users = directory.users(&filter, &Page::first(MAX_NAMES)).await?;
        usernames.extend(
            users
                .items
                .iter()
                .map(|user| user.username.as_str().to_owned()),
        );
    }
    usernames.sort();
    usernames.dedup();
    usernames.truncate(MAX_NAMES);
    for name in &usernames {
        if keys.len() >= MAX_NAMES {
            break;
        }
        keys.extend(app_keys(directory, name).await?);
    }
    keys.truncate(MAX_NAMES);
    Ok((usernames, keys))
}

async fn app_keys(directory: &Directory<'_>, owner: &str) -> Result<Vec<String>, DirectoryError> {
    let all = Page::first(MAX_APPS.into());
    let apps = directory
        .apps(&AppSearch::of_owner(owner), &all)
        .await?
        .items;
    let keys = apps.iter().map(|owned| owned.app.key.as_str().to_owned());
    Ok(keys.collect())
}
