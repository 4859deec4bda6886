//! By what a token can be revoked: its own id, its grant, its app, its user, the app's owner, and
//! the roles of user and owner.

use std::sync::Arc;

use serde_json::Value;

use super::verified::VerifiedToken;

/// The claim that holds the [`LogPosition`] of a token; a private claim of this issuer.
pub const POSITION_CLAIM: &str = "rev";

/// The claim that names the grant of a token: the session of the app or user ("sid" in the registry
/// of JWT claims).
pub const GRANT_CLAIM: &str = "sid";

/// The claim that names the roles of a token's user (RFC 9068 section 2.2.3.1). Absent where there
/// are more than [`MAX_ROLES`]: the token is then revoked with any role.
pub const ROLES_CLAIM: &str = "roles";

/// The claim that names the owner of a token's app, where that is not the token's user; a private
/// claim of this issuer.
pub const OWNER_CLAIM: &str = "own";

/// The claim that names the roles of the owner in [`OWNER_CLAIM`], as [`ROLES_CLAIM`] does those of
/// the user; a private claim of this issuer.
pub const OWNER_ROLES_CLAIM: &str = "orl";

/// How many roles a token names.
pub const MAX_ROLES: usize = 16;

/// How much of an issuer's revocation log had happened: a clock that only revocations move.
///
/// A token carries the position that its issuer had seen. What the log holds beyond it came
/// later, whatever clocks say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition(pub u64);

/// Whose tokens are revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationTarget {
    /// The token with this `jti`.
    Token(String),
    /// All tokens of the grant with this `sid`.
    Grant(String),
    /// All tokens that were made for the app with this `client_id`.
    App(String),
    /// All tokens of the user with this `sub`.
    User(String),
    /// All tokens that others got through apps of the user with this `sub`.
    Owner(String),
    /// All tokens that rest on the role of this name: as one of their user, or of their app's owner.
    Role(String),
    /// All tokens of the issuer.
    Everyone,
}

/// A digest of a [`RevocationTarget`]: what gates keep and compare. The first 128 bits of BLAKE3 over the
/// kind, a colon and the name; part of the feed's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u128);

/// All that is asked about one token: computed once, kept with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocable {
    position: LogPosition,
    marks: Arc<[Mark]>,
}

impl LogPosition {
    /// The position that a token carries; without one it is older than any revocation.
    pub fn of(token: &VerifiedToken) -> Self {
        let position = token.claim(POSITION_CLAIM).and_then(Value::as_u64);
        Self(position.unwrap_or(0))
    }
}

impl RevocationTarget {
    /// The name of [`RevocationTarget::Role`] for tokens that do not name the roles that they rest on: they
    /// are revoked with every role. No role has it.
    pub const UNNAMED_ROLE: &str = "";

    /// All that can take `token` back, everyone's aside.
    pub fn all_of(token: &VerifiedToken) -> Vec<Self> {
        let text = |claim| {
            token
                .claim(claim)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let owner = text(OWNER_CLAIM);
        // As its issuer wrote them, whatever the configuration calls subject and client.
        let singles = [
            text("sub").map(Self::User),
            text("client_id").map(Self::App),
            text(GRANT_CLAIM).map(Self::Grant),
            text("jti").map(Self::Token),
        ];
        let mut subjects: Vec<Self> = singles.into_iter().flatten().collect();
        subjects.extend(roles(token.claim(ROLES_CLAIM)));
        if let Some(owner) = owner {
            subjects.extend(roles(token.claim(OWNER_ROLES_CLAIM)));
            subjects.push(Self::Owner(owner));
        }
        subjects
    }

    /// The kind's name in rows: of a closed set.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Grant(_) => "grant",
            Self::App(_) => "app",
            Self::User(_) => "user",
            Self::Owner(_) => "owner",
            Self::Role(_) => "role",
            Self::Everyone => "everyone",
        }
    }

    /// The name; empty for everyone.
    pub fn name(&self) -> &str {
        match self {
            Self::Token(name)
            | Self::Grant(name)
            | Self::App(name)
            | Self::User(name)
            | Self::Owner(name)
            | Self::Role(name) => name,
            Self::Everyone => "",
        }
    }

    /// Reads what [`RevocationTarget::kind`] and [`RevocationTarget::name`] gave.
    pub fn parse(kind: &str, name: &str) -> Option<Self> {
        let name = name.to_owned();
        match kind {
            "token" => Some(Self::Token(name)),
            "grant" => Some(Self::Grant(name)),
            "app" => Some(Self::App(name)),
            "user" => Some(Self::User(name)),
            "owner" => Some(Self::Owner(name)),
            "role" => Some(Self::Role(name)),
            "everyone" => Some(Self::Everyone),
            _ => None,
        }
    }

    /// What gates know it by; nothing for everyone.
    pub fn mark(&self) -> Option<Mark> {
        match self {
            Self::Everyone => None,
            Self::Token(_)
            | Self::Grant(_)
            | Self::App(_)
            | Self::User(_)
            | Self::Owner(_)
            | Self::Role(_) => Some(Mark::of(self.kind(), self.name())),
        }
    }
}

impl Mark {
    fn of(kind: &str, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind.as_bytes());
        hasher.update(b":");
        hasher.update(name.as_bytes());
        let digest = hasher.finalize();
        let first = digest.as_bytes().first_chunk();
        Self(first.map_or(0, |bytes| u128::from_be_bytes(*bytes)))
    }
}

/// The roles that a claim names; the unnamed one where it names none that can be relied on.
fn roles(claim: Option<&Value>) -> Vec<RevocationTarget> {
    let list = claim.and_then(Value::as_array);
    let list = list.filter(|list| list.len() <= MAX_ROLES);
    let texts = list.map(|list| list.iter().map(|name| name.as_str().map(str::to_owned)));
    let names: Option<Vec<String>> = texts.and_then(Iterator::collect);
    let names = names.unwrap_or_else(|| vec![RevocationTarget::UNNAMED_ROLE.to_owned()]);
    names.into_iter().map(RevocationTarget::Role).collect()
}

impl Revocable {
    /// What can take `token` back.
    pub fn of(token: &VerifiedToken) -> Self {
        let subjects = RevocationTarget::all_of(token);
        Self {
            position: LogPosition::of(token),
            marks: subjects.iter().filter_map(RevocationTarget::mark).collect(),
        }
    }

    /// What may revoke a token with these marks.
    #[cfg(test)]
    pub(crate) fn with(position: LogPosition, marks: &[Mark]) -> Self {
        Self {
            position,
            marks: marks.into(),
        }
    }

    /// What of the log its issuer had seen.
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// The memory that it takes beside itself, in bytes.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.marks)
    }

    /// What may be revoked: at least the user, at most five things and twice [`MAX_ROLES`].
    pub fn marks(&self) -> impl Iterator<Item = Mark> {
        self.marks.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_tell_kinds_and_names_apart_and_never_change() {
        let subject = |kind, name| RevocationTarget::parse(kind, name).unwrap();
        let marks = [
            ("user", "a"),
            ("app", "a"),
            ("grant", "a"),
            ("token", "a"),
            ("owner", "a"),
            ("role", "a"),
            ("user", "b"),
            ("user", ""),
        ]
        .map(|(kind, name)| subject(kind, name).mark().unwrap());
        let distinct: std::collections::HashSet<Mark> = marks.into_iter().collect();
        assert_eq!(distinct.len(), marks.len());
        assert_eq!(RevocationTarget::Everyone.mark(), None);
        assert_eq!(RevocationTarget::parse("everything", "x"), None);
        // Gates and issuers of different releases compare them.
        assert_eq!(
            format!("{:032x}", marks[0].0),
            "cfacb4ad89ffda7dce8e69642f301bec"
        );
    }
}
