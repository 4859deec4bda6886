//! By what a token can be taken back: its own id, its grant, its app or its user.

use serde_json::Value;

use super::verified::VerifiedToken;

/// The claim that holds the [`LogPosition`] of a token; a private claim of this issuer.
pub const POSITION_CLAIM: &str = "rev";

/// The claim that names the grant of a token: the session of the app or user ("sid" in the registry
/// of JWT claims).
pub const GRANT_CLAIM: &str = "sid";

/// How much of an issuer's revocation log had happened: a clock that only revocations move.
///
/// A token carries the position that its issuer had seen. What the log holds beyond it came
/// later, whatever clocks say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition(pub u64);

/// Whose tokens are taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The token with this `jti`.
    Token(String),
    /// All tokens of the grant with this `sid`.
    Grant(String),
    /// All tokens that were made for the app with this `client_id`.
    App(String),
    /// All tokens of the user with this `sub`.
    User(String),
    /// All tokens of the issuer.
    Everyone,
}

/// A digest of a [`Subject`]: what gates keep and compare. The first 128 bits of BLAKE3 over the
/// kind, a colon and the name; part of the feed's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u128);

/// All that is asked about one token: computed once, kept with its proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocable {
    position: LogPosition,
    marks: [Option<Mark>; 4],
}

impl LogPosition {
    /// The position that a token carries; without one it is older than any revocation.
    pub fn of(token: &VerifiedToken) -> Self {
        let position = token.claim(POSITION_CLAIM).and_then(Value::as_u64);
        Self(position.unwrap_or(0))
    }
}

impl Subject {
    /// All that can take `token` back, everyone's aside.
    pub fn all_of(token: &VerifiedToken) -> Vec<Self> {
        let grant = token.claim(GRANT_CLAIM).and_then(Value::as_str);
        let subjects = [
            Some(Self::User(token.subject().to_owned())),
            token.client().map(|client| Self::App(client.to_owned())),
            grant.map(|grant| Self::Grant(grant.to_owned())),
            token.id().map(|id| Self::Token(id.to_owned())),
        ];
        subjects.into_iter().flatten().collect()
    }

    /// The kind's name in rows: of a closed set.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Grant(_) => "grant",
            Self::App(_) => "app",
            Self::User(_) => "user",
            Self::Everyone => "everyone",
        }
    }

    /// The name; empty for everyone.
    pub fn name(&self) -> &str {
        match self {
            Self::Token(name) | Self::Grant(name) | Self::App(name) | Self::User(name) => name,
            Self::Everyone => "",
        }
    }

    /// Reads what [`Subject::kind`] and [`Subject::name`] gave.
    pub fn parse(kind: &str, name: &str) -> Option<Self> {
        let name = name.to_owned();
        match kind {
            "token" => Some(Self::Token(name)),
            "grant" => Some(Self::Grant(name)),
            "app" => Some(Self::App(name)),
            "user" => Some(Self::User(name)),
            "everyone" => Some(Self::Everyone),
            _ => None,
        }
    }

    /// What gates know it by; nothing for everyone.
    pub fn mark(&self) -> Option<Mark> {
        match self {
            Self::Everyone => None,
            Self::Token(_) | Self::Grant(_) | Self::App(_) | Self::User(_) => {
                Some(Mark::of(self.kind(), self.name()))
            }
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

impl Revocable {
    /// What can take `token` back.
    pub fn of(token: &VerifiedToken) -> Self {
        let grant = token.claim(GRANT_CLAIM).and_then(Value::as_str);
        Self {
            position: LogPosition::of(token),
            marks: [
                Some(Mark::of("user", token.subject())),
                token.client().map(|client| Mark::of("app", client)),
                grant.map(|grant| Mark::of("grant", grant)),
                token.id().map(|id| Mark::of("token", id)),
            ],
        }
    }

    /// What may take back a token with these marks; the fifth and further ones are left out.
    #[cfg(test)]
    pub(crate) fn with(position: LogPosition, marks: &[Mark]) -> Self {
        let mut slots = [None; 4];
        for (slot, mark) in slots.iter_mut().zip(marks) {
            *slot = Some(*mark);
        }
        Self {
            position,
            marks: slots,
        }
    }

    /// What of the log its issuer had seen.
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// What may be revoked.
    pub fn marks(&self) -> impl Iterator<Item = Mark> {
        self.marks.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_tell_kinds_and_names_apart_and_never_change() {
        let subject = |kind, name| Subject::parse(kind, name).unwrap();
        let marks = [
            ("user", "a"),
            ("app", "a"),
            ("grant", "a"),
            ("token", "a"),
            ("user", "b"),
            ("user", ""),
        ]
        .map(|(kind, name)| subject(kind, name).mark().unwrap());
        let distinct: std::collections::HashSet<Mark> = marks.into_iter().collect();
        assert_eq!(distinct.len(), marks.len());
        assert_eq!(Subject::Everyone.mark(), None);
        assert_eq!(Subject::parse("everything", "x"), None);
        // Gates and issuers of different releases compare them.
        assert_eq!(
            format!("{:032x}", marks[0].0),
            "cfacb4ad89ffda7dce8e69642f301bec"
        );
    }
}
