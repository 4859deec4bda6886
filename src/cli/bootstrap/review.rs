//! What a bootstrap file asks for that the store would refuse, found before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use super::BootstrapDocument;
use crate::cli::administration::all;
use crate::identity::{Role, Scope, ScopeName};
use crate::issuer::directory::{
    Directory, DirectoryError, MAX_ROLES_AND_SCOPES, NewRole, NewScope, Thing,
};
use crate::problem::{Faults, Problems, Source, closest};
use crate::yaml::Outline;

/// What the store has.
pub(super) struct Present {
    scopes: BTreeSet<String>,
    /// Names and scopes.
    roles: BTreeMap<String, Vec<String>>,
    default_role: Option<String>,
}

impl Present {
    pub(super) async fn read(directory: &Directory<'_>) -> Result<Self, DirectoryError> {
        let scopes = all(
            async |page| directory.scopes(&page).await,
            |scope: &Scope| scope.name.as_str().to_owned(),
        );
        let roles = all(async |page| directory.roles(&page).await, Role::clone);
        let (scopes, roles) = (scopes.await?, roles.await?);
        let default_role = roles.iter().find(|role| role.is_default);
        Ok(Self {
            scopes: scopes.into_iter().collect(),
            default_role: default_role.map(|role| role.name.as_str().to_owned()),
            roles: roles.iter().map(named_scopes).collect(),
        })
    }

    /// Everything in the file that cannot be done, in the order of its lines.
    pub(super) fn review(&self, document: &BootstrapDocument, source: &Source) -> Problems {
        let mut faults = Faults::default();
        for (name, description) in &document.scopes {
            let wanted = NewScope {
                name: name.clone(),
                description: description.clone(),
            };
            if let Err(error) = wanted.check() {
                faults.add(format!("scopes.{name}"), format!("scope `{name}`: {error}"));
            }
        }
        for (name, scopes) in &document.roles {
            self.review_role(name, scopes, document, &mut faults);
        }
        self.review_default_role(document, &mut faults);
        let scopes = document.scopes.keys();
        let scopes = scopes.filter(|name| !self.scopes.contains(*name)).count();
        if scopes > 0 && is_too_many(self.scopes.len() + scopes) {
            faults.add("scopes", DirectoryError::Full(Thing::Scope).to_string());
        }
        let roles = document.roles.keys();
        let roles = roles.filter(|name| !self.roles.contains_key(*name)).count();
        if roles > 0 && is_too_many(self.roles.len() + roles) {
            faults.add("roles", DirectoryError::Full(Thing::Role).to_string());
        }
        let outline = Outline::of(source);
        faults.into_problems(|key| outline.place(source, key))
    }

    fn review_role(
        &self,
        name: &str,
        scopes: &[String],
        document: &BootstrapDocument,
        faults: &mut Faults,
    ) {
        let wanted = NewRole {
            name: name.to_owned(),
            scopes: scopes.to_vec(),
        };
        if let Err(error) = wanted.check_name() {
            faults.add(format!("roles.{name}"), format!("role `{name}`: {error}"));
        }
        for (index, scope) in scopes.iter().enumerate() {
            if !self.scopes.contains(scope) && !document.scopes.contains_key(scope) {
                let known = self.scopes.iter().chain(document.scopes.keys());
                let message = unknown("scope", "scopes", scope, known);
                faults.add(format!("roles.{name}[{index}]"), message);
            }
        }
    }

    /// The role that new users get afterwards, with what it has then.
    fn review_default_role(&self, document: &BootstrapDocument, faults: &mut Faults) {
        let Some(name) = document
            .default_role
            .as_ref()
            .or(self.default_role.as_ref())
        else {
            return;
        };
        let written = document.roles.get(name);
        let stored = self.roles.get(name);
        if written.is_none() && stored.is_none() {
            let known = self.roles.keys().chain(document.roles.keys());
            faults.add("default_role", unknown("role", "roles", name, known));
            return;
        }
        let scopes = written.into_iter().chain(stored).flatten().cloned();
        let after = NewRole {
            name: name.clone(),
            scopes: scopes.collect(),
        };
        if let Err(error) = after.check_for_everybody() {
            let key = match &document.default_role {
                Some(_) => "default_role".to_owned(),
                None => format!("roles.{name}"),
            };
            faults.add(key, format!("role `{name}`: {error}"));
        }
    }
}

fn is_too_many(count: usize) -> bool {
    u32::try_from(count).unwrap_or(u32::MAX) > MAX_ROLES_AND_SCOPES
}

fn named_scopes(role: &Role) -> (String, Vec<String>) {
    let scopes = role.scopes.iter().map(ScopeName::as_str);
    let scopes = scopes.map(str::to_owned).collect();
    (role.name.as_str().to_owned(), scopes)
}

fn unknown<'k>(
    thing: &str,
    section: &str,
    name: &str,
    known: impl Iterator<Item = &'k String>,
) -> String {
    let fix = match closest(name, known.map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("add it to `{section}`"),
    };
    format!("there is no {thing} `{name}`, neither in this file nor in the store: {fix}")
}
