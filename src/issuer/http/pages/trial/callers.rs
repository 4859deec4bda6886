//! Who can call an operation, and what is missing.

use super::asked::{APP, AskedCaller, ME, WITHOUT};
use super::operation::Operation;
use crate::identity::{App, AppStatus, ScopeSet, User};
use crate::issuer::GrantType;
use crate::issuer::directory::MAX_APPS;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::apps;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;
use crate::policy::Requirement;
use crate::store::Page;

/// Somebody among whom the user of the page chooses.
pub(super) struct CallerRow {
    pub(super) value: String,
    pub(super) label: Text<'static>,
    pub(super) is_chosen: bool,
    /// Whether nobody can choose it.
    pub(super) is_shut: bool,
    /// Whether it has what the operation needs.
    pub(super) is_enough: bool,
    /// What it lacks, and who can add it.
    pub(super) standing: Text<'static>,
    /// Where the user can, and what it is called.
    pub(super) edit: Option<(String, &'static str)>,
}

/// What a caller has of what an operation needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Enough,
    NeedsToken,
    /// The app has not these scopes, which its owner has.
    AppLacks(String),
    /// Its owner has not these either.
    OwnerLacks(String),
}

/// The callers of a page.
pub(super) struct Callers {
    pub(super) rows: Vec<CallerRow>,
    /// Whether one of them has a secret to be typed.
    pub(super) has_apps: bool,
    /// Whether apps get tokens by their secrets.
    pub(super) has_secrets: bool,
}

impl Callers {
    /// The user, the user's apps, and somebody without a token. Where none is chosen, the first who has what is
    /// needed is.
    pub(super) async fn of(
        access: &DirectoryAccess,
        operation: &Operation<'_>,
        chosen: Option<AskedCaller<'_>>,
        words: &'static Words,
    ) -> Result<Self, PageError> {
        let user = &access.caller.user;
        let has_secrets = apps_get_tokens(access);
        let listing = access
            .directory()
            .own_apps(user, &Page::first(MAX_APPS.into()))
            .await?;
        let need = Need {
            requirement: &operation.route.requirement,
            user,
            words,
        };
        let apps = listing.items.iter();
        let mut rows: Vec<CallerRow> = apps.map(|app| need.app(app, has_secrets, chosen)).collect();
        let has_apps = rows.iter().any(|row| !row.is_shut);
        let me = need.row(
            ME,
            format!("{} {}", words.trial.me, user.username.as_str()),
            &need.standing(Some(&user.scopes)),
        );
        let standing = need.standing(None);
        let mut without = need.row(WITHOUT, words.trial.without.to_owned(), &standing);
        if without.is_enough {
            without.standing = Text::of(words.trial.enough_without);
        }
        for (row, kind) in [(me, AskedCaller::Me), (without, AskedCaller::Without)] {
            rows.push(CallerRow {
                is_chosen: chosen == Some(kind),
                ..row
            });
        }
        // Whoever was asked for stays chosen, even if nobody can choose it now: another caller is another call.
        if !rows.iter().any(|row| row.is_chosen) {
            let first = rows.iter().position(|row| row.is_enough && !row.is_shut);
            // Somebody is there: the user.
            let first = first.or_else(|| rows.iter().position(|row| !row.is_shut));
            if let Some(row) = first.and_then(|first| rows.get_mut(first)) {
                row.is_chosen = true;
            }
        }
        Ok(Self {
            rows,
            has_apps,
            has_secrets,
        })
    }
}

/// Whether the token endpoint gives tokens to apps for themselves: what it does not do, this page does not.
pub(super) fn apps_get_tokens(access: &DirectoryAccess) -> bool {
    let offered = &access.issuer.settings.grants;
    offered.get(GrantType::ClientCredentials.name()).is_some()
}

/// What is asked of callers, and who owns them.
pub(super) struct Need<'a> {
    pub(super) requirement: &'a Requirement,
    pub(super) user: &'a User,
    pub(super) words: &'static Words,
}

impl Need<'_> {
    /// What somebody has with these scopes; without a token it has none.
    pub(super) fn standing(&self, scopes: Option<&ScopeSet>) -> Standing {
        let required = match (self.requirement, scopes) {
            (Requirement::Public, _) | (Requirement::Authenticated, Some(_)) => {
                return Standing::Enough;
            }
            (_, None) => return Standing::NeedsToken,
            (Requirement::Scopes(required), Some(_)) => required,
            // Is not offered at all.
            (Requirement::Nobody, Some(_)) => return Standing::OwnerLacks(String::new()),
        };
        let lacking = |scopes: &ScopeSet| {
            // The token of a call has no scope of the issuer's own, whatever the caller has.
            let scopes = scopes.without_own();
            let missing = required.missing(|scope| scopes.contains(scope));
            missing.map(|missing| missing.phrase(self.words.of_scopes()))
        };
        match (scopes.and_then(lacking), lacking(&self.user.scopes)) {
            (None, _) => Standing::Enough,
            (Some(missing), None) => Standing::AppLacks(missing),
            (Some(_), Some(missing)) => Standing::OwnerLacks(missing),
        }
    }

    /// Who can add what is missing.
    pub(super) fn fix(&self, standing: &Standing) -> String {
        match standing {
            Standing::Enough | Standing::NeedsToken => String::new(),
            Standing::AppLacks(_) => self.words.trial.fix_app.to_owned(),
            Standing::OwnerLacks(_) => {
                let roles = apps::role_names(self.user);
                format!("{} {roles}.", self.words.trial.fix_roles)
            }
        }
    }

    /// What somebody lacks, and who can add it; none where nothing is lacking.
    pub(super) fn missing(&self, standing: &Standing) -> Option<String> {
        match standing {
            Standing::Enough | Standing::NeedsToken => None,
            Standing::AppLacks(missing) | Standing::OwnerLacks(missing) => {
                Some(format!("{missing}. {}", self.fix(standing)))
            }
        }
    }

    fn say(&self, standing: &Standing) -> String {
        let words = &self.words.trial;
        match standing {
            Standing::Enough => words.enough.to_owned(),
            Standing::NeedsToken => words.needs_token.to_owned(),
            Standing::AppLacks(missing) | Standing::OwnerLacks(missing) => {
                format!("{} {missing}. {}", words.lacks, self.fix(standing))
            }
        }
    }

    fn app(&self, app: &App, has_secrets: bool, chosen: Option<AskedCaller<'_>>) -> CallerRow {
        let key = app.key.as_str();
        let is_active = app.status == AppStatus::Active;
        let standing = self.standing(Some(&app.scopes_within(self.user)));
        let row = self.row(
            &format!("{APP}{key}"),
            app.name.as_str().to_owned(),
            &standing,
        );
        CallerRow {
            is_chosen: chosen == Some(AskedCaller::App(key)) && has_secrets,
            is_shut: !is_active || !has_secrets,
            is_enough: row.is_enough && is_active,
            standing: match app.status {
                AppStatus::Active => row.standing,
                AppStatus::DisabledByOwner => Text::of(self.words.trial.is_disabled_by_owner),
                AppStatus::Disabled => Text::of(self.words.trial.is_disabled),
            },
            edit: match (app.status, &standing) {
                (AppStatus::Active, Standing::AppLacks(_)) => {
                    Some((format!("{}/edit", apps::path_of(key)), self.words.edit))
                }
                (AppStatus::DisabledByOwner, _) => Some((
                    format!("{}/status", apps::path_of(key)),
                    self.words.panel.enable,
                )),
                _ => None,
            },
            ..row
        }
    }

    fn row(&self, value: &str, label: String, standing: &Standing) -> CallerRow {
        CallerRow {
            value: value.to_owned(),
            label: Text::of(label),
            is_chosen: false,
            is_shut: false,
            is_enough: *standing == Standing::Enough,
            standing: Text::of(self.say(standing)),
            edit: None,
        }
    }
}
