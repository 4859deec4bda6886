//! Which entries of the audit are asked for: conditions that hold together.

use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

use crate::clock::UnixSeconds;
use crate::store::statement::assembled;
use crate::store::users::containing;

/// By whom something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    User,
    /// Somebody at the machine that holds the store.
    Command,
}

/// What is asked for; what is empty or absent asks for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// A part of any text of an entry.
    pub search: String,
    /// A user by name, of then or of now, or by id as it is written; or the user of an operating system.
    pub actor: String,
    pub actor_kind: Option<ActorKind>,
    /// An object by its id, key or name, or by what it was called then or is called now.
    pub object: String,
    pub object_kind: String,
    pub action: String,
    /// From this second on.
    pub from: Option<UnixSeconds>,
    /// Before this second.
    pub until: Option<UnixSeconds>,
}

/// A value of a condition.
enum Value {
    Text(String),
    Number(i64),
}

/// Names of then are in the rows. Those of now are looked up for what an earlier release has written, and for
/// whoever looks for something by its present name.
const COLUMNS: &str = "\
    SELECT a.position, a.done_at, a.actor, a.action, a.object_kind, a.object_name, a.change, \
    CASE WHEN a.actor_name <> '' THEN a.actor_name ELSE COALESCE(u.username, '') END AS actor_name, \
    CASE WHEN a.object_title <> '' THEN a.object_title ELSE COALESCE(o.username, p.name, '') END AS object_title, \
    COALESCE(u.username, '') AS actor_now, COALESCE(o.username, p.app_key, r.name, s.name, '') AS object_now";

/// What is called so now.
const PRESENT: &str = "\
    LEFT JOIN users u ON u.id = a.actor \
    LEFT JOIN roles r ON a.object_kind = 'role' AND r.name = a.object_name \
    LEFT JOIN scopes s ON a.object_kind = 'scope' AND s.name = a.object_name \
    LEFT JOIN users o ON a.object_kind IN ('user', 'owner') AND o.id = a.object_name \
    LEFT JOIN apps p ON a.object_kind = 'app' AND p.app_key = a.object_name";

/// By whom, each of which one index finds in the order of the entries: `?` is the name in lower case, `!` as it was
/// given. What a user does to its own and what to others lies apart in the index.
const ACTORS: [&str; 5] = [
    "LOWER(a.actor_name) = ?",
    "a.actor = ! AND a.own = 0",
    "a.actor = ! AND a.own = 1",
    "a.actor = (SELECT id FROM users WHERE folded_username = ?) AND a.own = 0",
    "a.actor = (SELECT id FROM users WHERE folded_username = ?) AND a.own = 1",
];

/// To what, likewise.
const OBJECTS: [&str; 4] = [
    "LOWER(a.object_name) = ?",
    "a.folded_title = ?",
    "a.object_kind IN ('user', 'owner') \
     AND LOWER(a.object_name) = (SELECT LOWER(id) FROM users WHERE folded_username = ?)",
    "a.object_kind = 'app' \
     AND LOWER(a.object_name) IN (SELECT LOWER(app_key) FROM apps WHERE folded_name = ?)",
];

/// What the audit says was done.
pub const AUDIT_ACTIONS: [&str; 17] = [
    "added",
    "backed up",
    "changed",
    "deleted",
    "emptied",
    "link for a password made",
    "made the default role",
    "passkey added",
    "passkey removed",
    "passkeys removed",
    "password replaced",
    "password replaced by a link",
    "recovery code used",
    "recovery codes replaced",
    "registered",
    "revoked",
    "secret replaced",
];

/// To what.
pub const AUDIT_KINDS: [&str; 10] = [
    "user", "role", "scope", "app", "key", "grant", "token", "owner", "everyone", "store",
];

/// The same in words, for whoever has asked for another.
pub const AUDIT_ACTIONS_TOLD: &str = "`added`, `backed up`, `changed`, `deleted`, `emptied`, `link for a password made`, \
    `made the default role`, `passkey added`, `passkey removed`, `passkeys removed`, `password replaced`, `password \
    replaced by a link`, `recovery code used`, `recovery codes replaced`, `registered`, `revoked` or `secret replaced`";

pub const AUDIT_KINDS_TOLD: &str =
    "`user`, `role`, `scope`, `app`, `key`, `grant`, `token`, `owner`, `everyone` or `store`";

/// A part of the texts of an entry. What is not folded has ASCII alone, of which each database knows the lower
/// case.
const SEARCH: &str = "(a.action LIKE ? ESCAPE '!' OR a.object_kind LIKE ? ESCAPE '!' \
    OR LOWER(a.object_name) LIKE ? ESCAPE '!' OR LOWER(a.change) LIKE ? ESCAPE '!' \
    OR LOWER(a.actor_name) LIKE ? ESCAPE '!' OR a.folded_title LIKE ? ESCAPE '!' \
    OR p.folded_name LIKE ? ESCAPE '!' OR u.folded_username LIKE ? ESCAPE '!' \
    OR o.folded_username LIKE ? ESCAPE '!')";

impl ActorKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Command => "command",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Command]
            .into_iter()
            .find(|kind| kind.name() == text)
    }
}

impl AuditFilter {
    /// Everything that has a text in it.
    pub fn searching(search: &str) -> Self {
        Self {
            search: search.to_owned(),
            ..Self::default()
        }
    }

    /// The query for entries before a position, at most `limit`.
    pub(super) fn select(&self, before: i64, limit: i64) -> Query<'static, Any, AnyArguments> {
        let (text, values) = self.statement(before, limit);
        let query = sqlx::query(assembled(text));
        values.into_iter().fold(query, |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        })
    }

    /// The text of that query.
    #[cfg(test)]
    pub(in crate::store) fn text(&self) -> String {
        self.statement(i64::MAX, 1).0
    }

    fn statement(&self, before: i64, limit: i64) -> (String, Vec<Value>) {
        let mut values = vec![Value::Number(before), Value::Number(limit)];
        let mut common = "a.position < $1".to_owned();
        for (condition, value) in self.conditions() {
            let condition = condition.replace('?', &placeholder(&mut values, value));
            common.push_str(" AND ");
            common.push_str(&condition);
        }
        let actors = alternatives(&ACTORS, &self.actor, &mut values);
        let objects = alternatives(&OBJECTS, &self.object, &mut values);
        // Each way to be meant finds its latest entries by an index of its own. Of two names the entries of the actor
        // are looked through for the object.
        let ways = match (actors, objects) {
            (None, None) => vec![common],
            (Some(ways), None) | (None, Some(ways)) => within(&common, &ways),
            (Some(actors), Some(objects)) => {
                let common = format!("{common} AND (({}))", objects.join(") OR ("));
                within(&common, &actors)
            }
        };
        let ways = ways.iter().enumerate().map(|(number, way)| {
            let tables = if self.search.is_empty() { "" } else { PRESENT };
            format!(
                "SELECT position FROM (SELECT a.position FROM audit a {tables} WHERE {way} \
                 ORDER BY a.position DESC LIMIT $2) AS way{number}"
            )
        });
        let found = ways.collect::<Vec<_>>().join(" UNION ");
        let text = format!(
            "{COLUMNS} FROM ({found}) AS found JOIN audit a ON a.position = found.position {PRESENT} \
             ORDER BY a.position DESC LIMIT $2"
        );
        (text, values)
    }

    /// The conditions that are given, with `?` for their values.
    fn conditions(&self) -> Vec<(&'static str, Value)> {
        let mut conditions = Vec::new();
        if !self.search.is_empty() {
            let pattern = containing(&self.search.to_lowercase());
            conditions.push((SEARCH, Value::Text(pattern)));
        }
        if let Some(kind) = self.actor_kind {
            let text = "(a.actor <> '') = (? = 'user')";
            conditions.push((text, Value::Text(kind.name().to_owned())));
        }
        if !self.object_kind.is_empty() {
            conditions.push(("a.object_kind = ?", Value::Text(self.object_kind.clone())));
        }
        if !self.action.is_empty() {
            conditions.push(("a.action = ?", Value::Text(self.action.clone())));
        }
        if let Some(from) = self.from {
            conditions.push(("a.done_at >= ?", Value::Number(from.0)));
        }
        if let Some(until) = self.until {
            conditions.push(("a.done_at < ?", Value::Number(until.0)));
        }
        conditions
    }
}

/// Adds a value, and says by what a statement names it.
fn placeholder(values: &mut Vec<Value>, value: Value) -> String {
    values.push(value);
    format!("${}", values.len())
}

/// The ways in which a name can be meant; none where none is given.
fn alternatives(ways: &[&str], name: &str, values: &mut Vec<Value>) -> Option<Vec<String>> {
    if name.is_empty() {
        return None;
    }
    let folded = placeholder(values, Value::Text(name.to_lowercase()));
    let given = if ways.iter().any(|way| way.contains('!')) {
        placeholder(values, Value::Text(name.to_owned()))
    } else {
        String::new()
    };
    let ways = ways
        .iter()
        .map(|way| way.replace('?', &folded).replace('!', &given));
    Some(ways.collect())
}

/// Conditions that hold together with what must hold in any case.
fn within(common: &str, ways: &[String]) -> Vec<String> {
    let ways = ways.iter().map(|way| format!("{common} AND {way}"));
    ways.collect()
}
