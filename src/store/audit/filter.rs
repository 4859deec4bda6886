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
    /// A user by name, of then or of now, or by id; or the user of an operating system.
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
const SELECT: &str = "\
    SELECT a.position, a.done_at, a.actor, a.action, a.object_kind, a.object_name, a.change, \
    CASE WHEN a.actor_name <> '' THEN a.actor_name ELSE COALESCE(u.username, '') END AS actor_name, \
    CASE WHEN a.object_title <> '' THEN a.object_title ELSE COALESCE(o.username, p.name, '') END AS object_title, \
    COALESCE(u.username, '') AS actor_now, COALESCE(o.username, p.app_key, r.name, s.name, '') AS object_now \
    FROM audit a LEFT JOIN users u ON u.id = a.actor \
    LEFT JOIN roles r ON a.object_kind = 'role' AND r.name = a.object_name \
    LEFT JOIN scopes s ON a.object_kind = 'scope' AND s.name = a.object_name \
    LEFT JOIN users o ON a.object_kind IN ('user', 'owner') AND o.id = a.object_name \
    LEFT JOIN apps p ON a.object_kind = 'app' AND p.app_key = a.object_name \
    WHERE a.position < $1";

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
        let mut text = SELECT.to_owned();
        let mut values = vec![Value::Number(before)];
        for (condition, value) in self.conditions() {
            values.push(value);
            let placeholder = format!("${}", values.len());
            text.push_str(" AND ");
            text.push_str(&condition.replace('?', &placeholder));
        }
        values.push(Value::Number(limit));
        text.push_str(" ORDER BY a.position DESC LIMIT $");
        text.push_str(&values.len().to_string());
        let query = sqlx::query(assembled(text));
        values.into_iter().fold(query, |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        })
    }

    /// The conditions that are given, with `?` for their values.
    fn conditions(&self) -> Vec<(&'static str, Value)> {
        let lower = |text: &str| Value::Text(text.to_lowercase());
        let mut conditions = Vec::new();
        if !self.search.is_empty() {
            let pattern = containing(&self.search.to_lowercase());
            conditions.push((SEARCH, Value::Text(pattern)));
        }
        if !self.actor.is_empty() {
            let text = "(LOWER(a.actor) = ? OR LOWER(a.actor_name) = ? OR u.folded_username = ?)";
            conditions.push((text, lower(&self.actor)));
        }
        if let Some(kind) = self.actor_kind {
            let text = "(a.actor <> '') = (? = 'user')";
            conditions.push((text, Value::Text(kind.name().to_owned())));
        }
        if !self.object.is_empty() {
            let text = "(LOWER(a.object_name) = ? OR a.folded_title = ? OR p.folded_name = ? \
                        OR o.folded_username = ?)";
            conditions.push((text, lower(&self.object)));
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
