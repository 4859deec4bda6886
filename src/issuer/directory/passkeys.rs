//! Passkeys and recovery codes: who adds, removes and uses them.

use super::audit::Object;
use super::users::username;
use super::{Directory, DirectoryError, FreshDirectory, Thing, commit};
use crate::identity::{
    Assurance, CredentialId, NewPasskey, PasskeyName, PlainSecret, RequiredFor, SecretDigest, User,
    UserId,
};
use crate::issuer::random;
use crate::store::{AnsweredChallenge, AuditActor, AuditRecord, Change, Created};
use crate::token::RevocationTarget;

/// How many passkeys a user can have.
pub(super) const MAX_PASSKEYS: i64 = 16;

/// How many recovery codes a user gets at once.
const RECOVERY_CODES: usize = 10;

/// Crockford's base 32: nothing that is mistaken for something else.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Random bytes of a recovery code, each of which gives one of its characters five bits: 120 bits, so that a fast
/// digest may be kept of it.
const CODE_BYTES: usize = 24;

/// Characters of a code that was made before there were so many.
const EARLIER_CODE: usize = 16;

/// Characters between two hyphens.
const GROUP: usize = 4;

/// A passkey that somebody has just made.
pub(in crate::issuer) struct AddedPasskey<'a> {
    pub(in crate::issuer) name: &'a PasskeyName,
    pub(in crate::issuer) made: &'a NewPasskey,
    /// What it was made for.
    pub(in crate::issuer) challenge: &'a AnsweredChallenge,
}

impl Directory<'_> {
    /// Takes all passkeys and recovery codes from a user who has lost them; all its tokens end, if there were
    /// any. How many passkeys that were.
    pub async fn remove_passkeys(&self, name: &str) -> Result<u64, DirectoryError> {
        let mut change = self.change().await?;
        let user = change.user_named(&username(name)?).await?;
        let user = user.ok_or(DirectoryError::NotFound(Thing::User))?;
        self.authority.may_pass_on(&user.scopes)?;
        let removed = change.remove_passkeys(&user.id).await?;
        if removed == 0 {
            // Its tokens are worth what they were.
            return Ok(0);
        }
        change.revoke(RevocationTarget::from(&user.id));
        let object = Object::User(&user.id);
        self.commit(change, object, "passkeys removed", &[]).await?;
        Ok(removed)
    }

    /// Uses up a recovery code, as somebody has typed it; false where the user does not have it.
    pub(in crate::issuer) async fn use_recovery_code(
        &self,
        user: &User,
        code: &str,
    ) -> Result<bool, DirectoryError> {
        let Some(digest) = code_digest(&user.id, code) else {
            return Ok(false);
        };
        let mut change = self.change().await?;
        if !change.use_recovery_code(&user.id, &digest).await? {
            return Ok(false);
        }
        self.commit_of(change, user, "recovery code used").await?;
        Ok(true)
    }

    /// Commits what a user has done with its own account.
    pub(super) async fn commit_of(
        &self,
        mut change: Change,
        user: &User,
        action: &'static str,
    ) -> Result<(), DirectoryError> {
        change.mark_own();
        let record = AuditRecord {
            actor: AuditActor::User(&user.id),
            action,
            object_kind: "user",
            object_name: user.id.as_str(),
            change: "",
        };
        change.record(&record).await?;
        commit(change).await?;
        let name = self.naming.user(user.id.as_str());
        tracing::info!(
            target: "portcullis::audit",
            action,
            object.kind = "user",
            object.name = name,
            user.id = name,
            "changed in the directory"
        );
        Ok(())
    }
}

impl FreshDirectory<'_> {
    /// Gives a user a passkey; with the first one recovery codes, which nobody can be told again. With it ends
    /// what the user got by the password alone. `assurance` is by what the user has proved who it is.
    pub(in crate::issuer) async fn add_passkey(
        &self,
        user: &User,
        added: &AddedPasskey<'_>,
        assurance: Assurance,
    ) -> Result<Vec<PlainSecret>, DirectoryError> {
        let mut change = self.change().await?;
        standing(&mut change, user).await?;
        let count = change.count_passkeys(&user.id).await?;
        // The password alone is not enough once there is a passkey: of two at once the later one finds it here.
        if assurance == Assurance::Password && count > 0 {
            return Err(DirectoryError::Changed);
        }
        if count >= MAX_PASSKEYS {
            return Err(DirectoryError::TooManyPasskeys);
        }
        if !change.use_challenge(added.challenge).await? {
            return Err(DirectoryError::Changed);
        }
        let created = change.add_passkey(&user.id, added.name, added.made);
        if created.await? == Created::NameTaken {
            return Err(DirectoryError::PasskeyTaken);
        }
        let codes = if count == 0 {
            // Not the session in which it is made, which goes on under another secret.
            if let Some(session) = self.authority.session() {
                change.raise_session(session).await?;
            }
            change.end_logins_by_password(&user.id).await?;
            new_codes(&mut change, &user.id).await?
        } else {
            Vec::new()
        };
        self.commit_of(change, user, "passkey added").await?;
        Ok(codes)
    }

    /// Takes a passkey from its user. Without any, the recovery codes open nothing and go as well.
    pub(in crate::issuer) async fn remove_passkey(
        &self,
        user: &User,
        id: &CredentialId,
        required: RequiredFor,
        assurance: Assurance,
    ) -> Result<(), DirectoryError> {
        let mut change = self.change().await?;
        let present = standing(&mut change, user).await?;
        enough(assurance)?;
        if !change.remove_passkey(&user.id, id).await? {
            return Err(DirectoryError::NotFound(Thing::Passkey));
        }
        if change.count_passkeys(&user.id).await? == 0 {
            if required.concerns(&present) {
                return Err(DirectoryError::LastPasskey);
            }
            change.replace_recovery_codes(&user.id, &[]).await?;
        }
        self.commit_of(change, user, "passkey removed").await
    }

    /// Gives a user with passkeys other recovery codes.
    pub(in crate::issuer) async fn replace_recovery_codes(
        &self,
        user: &User,
        assurance: Assurance,
    ) -> Result<Vec<PlainSecret>, DirectoryError> {
        let mut change = self.change().await?;
        standing(&mut change, user).await?;
        if change.count_passkeys(&user.id).await? == 0 {
            return Err(DirectoryError::NotFound(Thing::Passkey));
        }
        enough(assurance)?;
        let codes = new_codes(&mut change, &user.id).await?;
        self.commit_of(change, user, "recovery codes replaced")
            .await?;
        Ok(codes)
    }
}

/// The user as it is now, whose tokens have not been revoked since it was read.
async fn standing(change: &mut Change, user: &User) -> Result<User, DirectoryError> {
    let present = change.user(&user.id).await?;
    present
        .filter(|present| present.is_active() && present.revoked_through <= user.as_of)
        .ok_or(DirectoryError::Changed)
}

/// Of a user with passkeys, whose session by the password alone has just ended.
fn enough(assurance: Assurance) -> Result<(), DirectoryError> {
    match assurance {
        Assurance::SecondFactor => Ok(()),
        Assurance::Password => Err(DirectoryError::Changed),
    }
}

async fn new_codes(change: &mut Change, user: &UserId) -> Result<Vec<PlainSecret>, DirectoryError> {
    let (mut codes, mut digests) = (Vec::new(), Vec::new());
    for _ in 0..RECOVERY_CODES {
        let code = written(random()?);
        digests.extend(code_digest(user, &code));
        codes.push(PlainSecret::claimed(&code));
    }
    change.replace_recovery_codes(user, &digests).await?;
    Ok(codes)
}

/// A code in groups that can be typed.
fn written(random: [u8; CODE_BYTES]) -> String {
    let mut code = String::new();
    for (position, byte) in random.into_iter().enumerate() {
        if position > 0 && position % GROUP == 0 {
            code.push('-');
        }
        let character = ALPHABET.get(usize::from(byte & 0x1f)).copied();
        code.push(char::from(character.unwrap_or(b'0')));
    }
    code
}

/// What is kept of a code: of 120 random bits, which no guessing finds again. However it is typed; none
/// where it cannot be one.
fn code_digest(user: &UserId, code: &str) -> Option<SecretDigest> {
    let typed = code
        .chars()
        .filter(|typed| !typed.is_whitespace() && *typed != '-');
    let mut plain = String::new();
    for character in typed.take(CODE_BYTES + 1) {
        let character = match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let known = u8::try_from(character).is_ok_and(|byte| ALPHABET.contains(&byte));
        plain.push(Some(character).filter(|_| known)?);
    }
    let text = format!("{} {plain}", user.as_str());
    [CODE_BYTES, EARLIER_CODE]
        .contains(&plain.len())
        .then(|| SecretDigest::of(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::UnixSeconds;
    use crate::identity::{Backup, Email, PasskeyKey, ScopeSet, Status, Username};
    use crate::issuer::IssuerDocument;
    use crate::issuer::audit::AuditLog;
    use crate::issuer::directory::Authority;
    use crate::issuer::directory::Demands;
    use crate::issuer::hashing::PasswordHasher;
    use crate::problem::Faults;
    use crate::store::Store;
    use crate::telemetry::{SubjectForm, SubjectNames};
    use crate::token::LogPosition;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
    const URL: &str = "https://id.shop.example";

    fn alice() -> User {
        User {
            id: UserId::known("alice"),
            username: Username::parse("alice").unwrap(),
            email: Email::parse("alice@a.example").unwrap(),
            status: Status::Active,
            roles: Vec::new(),
            scopes: ScopeSet::default(),
            created_at: NOW,
            passkeys: 0,
            as_of: LogPosition::default(),
            revoked_through: LogPosition::default(),
        }
    }

    fn made(number: u8) -> NewPasskey {
        // The base point of Ed25519.
        let point = [&[0x58][..], &[0x66; 31]].concat();
        let head: &[u8] = &[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
        NewPasskey {
            id: CredentialId::new(&[number]).unwrap(),
            key: PasskeyKey::parse(&[head, &point].concat()).unwrap(),
            sign_count: 0,
            backup: Backup::Never,
        }
    }

    #[tokio::test]
    async fn the_password_alone_adds_the_first_passkey_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let document = json!({"url": URL, "store": "sqlite:store.db", "audiences": ["orders"]});
        let document: IssuerDocument = serde_json::from_value(document).unwrap();
        let settings = document.build(folder.path(), &mut Faults::default());
        let settings = settings.unwrap();
        let store = Store::open(&settings.store).await.unwrap();
        let alice = alice();
        assert_eq!(store.add_user(&alice, "hash").await.unwrap(), Created::Yes);
        let hasher = PasswordHasher::start(settings.hashing).unwrap();
        let names = SubjectNames::load(SubjectForm::Plain, None).unwrap();
        let audit = AuditLog::new(names, URL);
        let demands = Demands {
            hasher: &hasher,
            words: &settings.password_words,
            required: RequiredFor::Nobody,
        };
        let directory = Directory::new(&store, demands, Authority::Machine, audit.naming(), NOW);
        let directory = directory.fresh().unwrap();
        let name = PasskeyName::parse("phone").unwrap();
        let rows = [
            (Assurance::Password, true),
            (Assurance::Password, false),
            (Assurance::SecondFactor, true),
        ];
        for (number, (assurance, expected)) in (1..).zip(rows) {
            let challenge = AnsweredChallenge {
                digest: SecretDigest::of(&[number]),
                expires_at: NOW.plus(60),
            };
            let added = AddedPasskey {
                name: &name,
                made: &made(number),
                challenge: &challenge,
            };
            let added = directory.add_passkey(&alice, &added, assurance).await;
            assert_eq!(added.is_ok(), expected, "{number} {assurance:?}");
        }
        assert_eq!(store.count_passkeys(&alice.id).await.unwrap(), 2);

        let (nobody, id) = (RequiredFor::Nobody, made(1).id);
        for (assurance, expected) in [
            (Assurance::Password, false),
            (Assurance::SecondFactor, true),
        ] {
            let codes = directory.replace_recovery_codes(&alice, assurance).await;
            assert_eq!(codes.is_ok(), expected, "{assurance:?}");
            let removed = directory.remove_passkey(&alice, &id, nobody, assurance);
            assert_eq!(removed.await.is_ok(), expected, "{assurance:?}");
        }
    }

    #[test]
    fn a_code_is_itself_however_it_is_typed() {
        let random = [
            31, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 255, 33, 31, 31, 31, 31, 13, 14, 15, 16,
        ];
        let code = written(random);
        assert_eq!(code, "Z012-3456-789A-BCZ1-ZZZZ-DEFG");
        let alice = UserId::known("alice");
        let digest = |text: &str| code_digest(&alice, text);
        let kept = digest(&code).unwrap();
        for same in [
            "z012-3456-789a-bcz1-zzzz-defg",
            " ZO12 3456 789A BCZL ZZZZ DEFG ",
            "Z0123456789ABCZ1ZZZZDEFG",
        ] {
            assert!(digest(same).unwrap().matches(&kept), "{same}");
        }
        let other = digest("Z012-3456-789A-BCZ1-ZZZZ-DEFH").unwrap();
        assert!(!other.matches(&kept));
        // One of 80 bits, as they were made before.
        let earlier = digest("Z012-3456-789A-BCZ1").unwrap();
        assert!(digest("zo12 3456 789a bczl").unwrap().matches(&earlier));
        assert!(!earlier.matches(&kept));
        assert!(
            !code_digest(&UserId::known("bobby"), &code)
                .unwrap()
                .matches(&kept)
        );
        for other in [
            "",
            "Z012-3456-789A-BCZ",
            "Z012-3456-789A-BCZ11",
            "Z012-3456-789A-BCZ1-ZZZZ-DEFG1",
            "Z012-3456-789A-BCZ1-ZZZZ-DEFU",
            "Z012-3456-789A-BCZU",
            "ü",
        ] {
            assert!(digest(other).is_none(), "{other}");
        }
    }
}
