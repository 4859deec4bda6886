//! Data tables of OPA with Envoy: which role may send which request, and who has which role.
//!
//! Rego is not read. What is understood is the table that OPA's tutorial for Envoy has, as data:
//! `role_perms` and `user_roles`.

use std::collections::BTreeMap;

use super::asked::Terms;
use super::formula::{Formula, Test};
use super::template::PathTest;
use super::text::{TextMatch, TextTest, is_quotable, literal};
use super::{Migrated, Notes, Publicity, Reading, finish};
use crate::problem::{Problem, Source, quoted};
use crate::yaml::{self, Tree};

/// The names that tables have.
const ROLE_TABLES: [&str; 3] = ["role_perms", "role_permissions", "role_grants"];
const USER_TABLES: [&str; 2] = ["user_roles", "role_bindings"];
const NOT_A_PERMISSION: &str = "it is not of the form `{method: GET, path: /people}`";
/// How deep tables may be within packages.
const MAX_DEPTH: usize = 8;

/// How data of OPA are imported.
#[derive(Debug, Clone, Default)]
pub struct OpaSettings {
    /// The claim that names the user, for `user_roles`; `sub` unless told otherwise.
    pub user_claim: Option<String>,
    /// The claim that lists roles, instead of `user_roles`.
    pub role_claim: Option<String>,
    /// The issuer's name in `trust`; nothing where there is one alone.
    pub issuer: Option<String>,
}

/// Makes a policy of tables.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub fn import_opa(source: &Source, settings: &OpaSettings) -> Result<Migrated, Problem> {
    let is_rego = source
        .text
        .lines()
        .any(|line| line.trim_start().starts_with("package "));
    if is_rego {
        return Err(Problem::new("this is Rego, which is not imported")
            .help("import the data that it reads: `role_perms` and `user_roles` as JSON or YAML"));
    }
    let trees = yaml::parse_foreign(source)?;
    let mut found = Vec::new();
    for tree in &trees {
        tables(tree, &mut Vec::new(), &mut found);
    }
    let table = only(&found)?;
    let users = users_of(table.package)?;
    let mut notes = Notes::default();
    let holders = Holders::new(users, settings, &mut notes)?;
    notes.add(
        "tables",
        "taken as OPA's tutorial for Envoy takes them: a role may send requests of exactly this method and \
         this path without its query; compare that with your Rego",
    );
    if settings.issuer.is_none() {
        notes.add(
            "tables",
            "callers of every issuer in `trust` count: where there are several, name one by `--issuer NAME`",
        );
    }
    let mut rules = 0;
    let formula = permissions(table.permissions, &holders, &mut notes, &mut rules);
    finish(Reading {
        title: super::policy_text::shown(&source.name),
        formula,
        rules,
        trust: Vec::new(),
        terms: Terms {
            publicity: Publicity::Review,
            no_token: "!(\"authorization\" in request.headers)".to_owned(),
        },
        notes,
    })
}

/// What the table of permissions lets in. What is not a list has no items for Rego either.
fn permissions(table: &Tree, holders: &Holders, notes: &mut Notes, rules: &mut usize) -> Formula {
    let mut any = Vec::new();
    for (role, entries) in table.entries() {
        let Tree::List(list) = entries else {
            notes.add(
                &format!("role {role}"),
                "left out: its permissions are not a list",
            );
            continue;
        };
        let holder = holders.of(role, notes);
        for (index, entry) in list.iter().enumerate() {
            *rules += 1;
            let place = format!("role {role}, permission {}", index + 1);
            any.push(Formula::All(vec![
                permission(entry, &place, notes),
                holder.clone(),
            ]));
        }
    }
    Formula::Any(any)
}

/// A table of permissions, and the object that it is in.
struct Found<'t> {
    name: String,
    package: &'t Tree,
    permissions: &'t Tree,
}

#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn only<'f, 't>(found: &'f [Found<'t>]) -> Result<&'f Found<'t>, Problem> {
    match found {
        [] => Err(
            Problem::new("there is no table `role_perms` or `role_permissions` here")
                .help("a role's permissions are a list of `{method: GET, path: /people}`"),
        ),
        [only] => Ok(only),
        several => {
            let names: Vec<String> = several.iter().map(|one| quoted(&one.name)).collect();
            Err(Problem::new(format!(
                "there are {} tables of permissions: {}",
                several.len(),
                names.join(", ")
            ))
            .help("keep the tables of one package in the file"))
        }
    }
}

/// Every table of permissions, at the top or within packages.
fn tables<'t>(tree: &'t Tree, way: &mut Vec<&'t str>, found: &mut Vec<Found<'t>>) {
    if way.len() > MAX_DEPTH {
        return;
    }
    for (key, value) in tree.entries() {
        way.push(key);
        if ROLE_TABLES.contains(&key.as_str()) {
            found.push(Found {
                name: way.join("."),
                package: tree,
                permissions: value,
            });
        } else if !USER_TABLES.contains(&key.as_str()) {
            tables(value, way, found);
        }
        way.pop();
    }
}

/// The users' roles beside a table of permissions.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn users_of(package: &Tree) -> Result<Option<&Tree>, Problem> {
    let mut tables = USER_TABLES.iter().filter_map(|name| package.get(name));
    match (tables.next(), tables.next()) {
        (Some(_), Some(_)) => Err(Problem::new(
            "there are both `user_roles` and `role_bindings` beside the permissions",
        )
        .help("keep the table that your Rego reads")),
        (table, _) => Ok(table),
    }
}

/// Who has a role.
struct Holders {
    issuer: String,
    by: By,
}

enum By {
    /// The claim of the user's name, and the users of each role.
    Users(String, BTreeMap<String, Vec<String>>),
    /// The claim that lists roles.
    Claim(String),
}

impl Holders {
    #[expect(clippy::result_large_err, reason = "made once, for a file")]
    fn new(
        users: Option<&Tree>,
        settings: &OpaSettings,
        notes: &mut Notes,
    ) -> Result<Self, Problem> {
        let subject = |claim: &str| {
            super::envoy::claim_subject(&[claim]).map_err(|reason| {
                Problem::new(reason).help("name a claim of the token, such as `roles`")
            })
        };
        let by = match (&settings.role_claim, users) {
            (Some(claim), _) => By::Claim(subject(claim)?),
            (None, None) => {
                return Err(
                    Problem::new("there is no table `user_roles` beside the permissions").help(
                        "name the claim that lists the caller's roles by `--role-claim NAME`",
                    ),
                );
            }
            (None, Some(users)) => By::Users(
                subject(settings.user_claim.as_deref().unwrap_or("sub"))?,
                holders_of(users, notes),
            ),
        };
        Ok(Self {
            issuer: settings.issuer.clone().unwrap_or_default(),
            by,
        })
    }

    /// That the caller has a role.
    fn of(&self, role: &str, notes: &mut Notes) -> Formula {
        let token = Formula::Test(Test::Issuer(self.issuer.as_str().into()));
        let place = format!("role {role}");
        let holds = match &self.by {
            By::Claim(_) if !is_quotable(role) => {
                notes.unknown(&place, "its name cannot be written in a condition")
            }
            By::Claim(claim) => Formula::condition(format!("{} in ({claim} + [])", literal(role))),
            By::Users(claim, of_role) => match of_role.get(role) {
                None => {
                    notes.add(&place, "no user has it");
                    Formula::False
                }
                Some(users) if users.iter().all(|user| is_quotable(user)) => {
                    let list: Vec<String> = users.iter().map(|user| literal(user)).collect();
                    Formula::condition(format!("{claim} in [{}]", list.join(", ")))
                }
                Some(_) => notes.unknown(&place, "a user's name cannot be written in a condition"),
            },
        };
        Formula::All(vec![token, holds])
    }
}

/// The users of each role.
fn holders_of(users: &Tree, notes: &mut Notes) -> BTreeMap<String, Vec<String>> {
    let mut of_role: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (user, roles) in users.entries() {
        let Tree::List(roles) = roles else {
            notes.add(
                &format!("user {user}"),
                "left out: the roles are not a list",
            );
            continue;
        };
        for role in roles.iter().filter_map(Tree::text) {
            let users = of_role.entry(role.to_owned()).or_default();
            users.push(user.clone());
        }
    }
    of_role
}

fn permission(entry: &Tree, place: &str, notes: &mut Notes) -> Formula {
    const KNOWN: [&str; 2] = ["method", "path"];
    let mut keys = entry.entries().iter().map(|(key, _)| key.as_str());
    if let Some(key) = keys.find(|key| !KNOWN.contains(key)) {
        return notes.unknown(place, &format!("{} has no equal", quoted(key)));
    }
    let method = entry.get("method").and_then(Tree::text);
    let (Some(method), Some(path)) = (method, entry.get("path")) else {
        return notes.unknown(place, NOT_A_PERMISSION);
    };
    let path = match path_of(path) {
        Ok(path) => path,
        Err(reason) => return notes.unknown(place, reason),
    };
    if !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return notes.unknown(
            place,
            &format!("the method {} has no equal", quoted(method)),
        );
    }
    // What would be a pattern to some Rego and a text to other.
    let path = match path.find(['*', '^', '$', '(', '[', '{', '+', '\\', ':']) {
        None => PathTest::text(TextTest::new(TextMatch::Exact(path))),
        Some(position) => {
            let reason = format!("what the path {} means, only the Rego says", quoted(&path));
            notes.add(place, format!("not carried over: {reason}"));
            PathTest::Some {
                prefix: path.get(..position).unwrap_or_default().to_owned(),
                reason: reason.into(),
            }
        }
    };
    let method = TextTest::new(TextMatch::Exact(method.to_owned()));
    Formula::All(vec![
        Formula::Test(Test::Method(method)),
        Formula::path(path),
    ])
}

/// A path, as a text or as the list of its segments, decoded (`parsed_path` of the plugin for Envoy).
fn path_of(tree: &Tree) -> Result<String, &'static str> {
    match tree {
        Tree::Text(path) => Ok(path.clone()),
        // Of `/`, the plugin makes a list of one empty segment.
        Tree::List(segments) if segments.is_empty() => {
            Err("every path has a segment, if only an empty one")
        }
        Tree::List(segments) => {
            let segments: Option<Vec<&str>> = segments.iter().map(Tree::text).collect();
            let segments = segments.ok_or(NOT_A_PERMISSION)?;
            // Joined they would be another path: `/a/b` instead of `/a%2Fb`.
            if segments
                .iter()
                .any(|one| one.contains(['/', '%', '?', '#', ';']))
            {
                return Err(
                    "a segment of its path has a character that only an encoded path can have",
                );
            }
            Ok(format!("/{}", segments.join("/")))
        }
        _ => Err(NOT_A_PERMISSION),
    }
}
