//! Whether somebody is a user, by name or e-mail address and password.

use super::Credentials;
use super::refused_app::RefusedProof;
use crate::identity::{
    EarlierLogIn, Password, SecondFactor, SignInMethod, SignInOutcome, User, UserId,
};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::hashing::{HashingFor, Verdict};
use crate::issuer::sign_ins;
use crate::issuer::throttle::{Claimant, LoginOrigin};
use crate::store::{Credentials as StoredCredentials, LoginName};

/// What the right password of a user leads to.
pub(in crate::issuer) struct FirstStep {
    pub(in crate::issuer) user: User,
    /// What must follow before the user is logged in.
    pub(in crate::issuer) next: SecondFactor,
    /// The log-in before; none where it is not known, or where something must follow.
    pub(in crate::issuer) earlier: Option<EarlierLogIn>,
}

impl Credentials {
    /// The active user with this name or address and password, of whom nothing else is asked: for
    /// callers that could not give it.
    pub(in crate::issuer) async fn user_with_password_alone(
        &self,
        name: &str,
        password: String,
    ) -> Result<User, EndpointError> {
        // Who does not know the password is not told of whom more is asked.
        let (user, next) = self.password_of(name, password).await?;
        self.note_password(&user, next);
        match next {
            SecondFactor::None => {
                self.audit.done_by(&user, "logged in");
                Ok(user)
            }
            SecondFactor::Asked => Err(EndpointError::SecondFactorNeeded),
            SecondFactor::ToBeMade => Err(EndpointError::PasskeyFirst),
        }
    }

    /// The active user with this name or address and password, and what must follow before it is
    /// logged in.
    pub(in crate::issuer) async fn first_step(
        &self,
        name: &str,
        password: String,
    ) -> Result<FirstStep, EndpointError> {
        let (user, next) = self.password_of(name, password).await?;
        let (done, earlier) = match next {
            SecondFactor::None => ("logged in", self.earlier_log_in(&user.id).await),
            SecondFactor::Asked | SecondFactor::ToBeMade => ("gave the password", None),
        };
        self.audit.done_by(&user, done);
        self.note_password(&user, next);
        Ok(FirstStep {
            user,
            next,
            earlier,
        })
    }

    /// Remembers a right password for its user: also where it was not enough, because then somebody knows it.
    fn note_password(&self, user: &User, next: SecondFactor) {
        let outcome = match next {
            SecondFactor::None => SignInOutcome::Succeeded,
            SecondFactor::Asked | SecondFactor::ToBeMade => SignInOutcome::SecondFactorMissing,
        };
        self.sign_ins
            .note(&user.id, outcome, SignInMethod::Password);
    }

    /// Whether somebody who is logged in already knows its password. It is found by its id: its name may be
    /// another's by now.
    pub(in crate::issuer) async fn password_again(
        &self,
        user: &User,
        password: String,
    ) -> Result<User, EndpointError> {
        let found = self.store.credentials_of(&user.id).await?;
        let found = found.ok_or(EndpointError::CallerChanged)?;
        let secret = password.clone();
        let check = async |place: LoginOrigin| {
            let account = user.id.as_str();
            let whom = HashingFor { account, place };
            let checked = self.check_password(Some(found), whom, password).await;
            checked.map_err(|refused| refused.error)
        };
        let claimant = Claimant::User(&user.id);
        let proven = self.attempts.by_user(claimant, secret.as_bytes(), check);
        let user = sign_ins::confirming(proven).await?;
        self.audit.done_by(&user, "confirmed with the password");
        Ok(user)
    }

    /// The active user with this name or address and password, and what must follow. Unknown, disabled and
    /// wrong look alike and take as long.
    async fn password_of(
        &self,
        name: &str,
        password: String,
    ) -> Result<(User, SecondFactor), EndpointError> {
        let secret = password.clone();
        // Looked up first: guesses are counted by the user, whichever of its names they come by.
        let credentials = match LoginName::parse(name) {
            Some(name) => self.store.credentials(&name).await?,
            None => None,
        };
        let user = credentials.as_ref().map(|found| found.user.id.clone());
        // Names that nobody has are counted as well, or the limit would tell which exist.
        let folded = name.to_lowercase();
        let claimant = match &user {
            Some(user) => Claimant::User(user),
            None => Claimant::Nobody(&folded),
        };
        let account = user.as_ref().map_or(folded.as_str(), UserId::as_str);
        let check = async |place: LoginOrigin| {
            let whom = HashingFor { account, place };
            let user = self.check_password(credentials, whom, password).await?;
            let next = self.second_factors.of(&user).await?;
            Ok::<_, RefusedProof>((user, next))
        };
        let is_all = |(_, next): &(User, SecondFactor)| *next == SecondFactor::None;
        let attempts = &self.attempts;
        let done = attempts.by_step(claimant, secret.as_bytes(), check, is_all);
        done.await
    }

    async fn check_password(
        &self,
        credentials: Option<StoredCredentials>,
        whom: HashingFor<'_>,
        password: String,
    ) -> Result<User, RefusedProof> {
        let password = Password::attempt(password).map_err(|_| EndpointError::BadLogin)?;
        let again = Password::attempt(String::from_utf8_lossy(password.as_bytes()).into_owned());
        let hash = credentials.as_ref().map(|found| &*found.password_hash);
        // Also where there is no such user: without a hash the hasher works on one that nothing
        // matches, so that the time does not say who exists.
        let verdict = self.hasher.verify(password, hash, whom).await?;
        let credentials = credentials.ok_or(EndpointError::BadLogin)?;
        // Whether the user is disabled counts after the hash, for the same reason.
        if verdict == Verdict::Wrong {
            return Err(EndpointError::BadLogin.into());
        }
        if !credentials.user.is_active() {
            return Err(RefusedProof::of_disabled());
        }
        if let (Verdict::RightButOutdated, Ok(password)) = (verdict, again) {
            let hash = self.hasher.hash(password, whom).await?;
            let (user, earlier) = (&credentials.user.id, &credentials.password_hash);
            // Only in place of the hash that was checked: a new password that somebody sets meanwhile
            // must not be undone.
            self.store
                .replace_password_hash(user, earlier, &hash)
                .await?;
        }
        Ok(credentials.user)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::clock::{ManualClock, UnixSeconds};
    use crate::identity::{Email, PlainSecret, ScopeSet, Status, Username};
    use crate::issuer::IssuerDocument;
    use crate::issuer::audit::AuditLog;
    use crate::issuer::credentials::PlaceKey;
    use crate::problem::Faults;
    use crate::store::{Change, Committed, Store};
    use crate::telemetry::{SubjectForm, SubjectNames};
    use crate::token::LogPosition;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
    const URL: &str = "https://id.shop.example";

    async fn credentials(folder: &std::path::Path) -> Credentials {
        let document = json!({"url": URL, "store": "sqlite:store.db", "audiences": ["orders"]});
        let document: IssuerDocument = serde_json::from_value(document).unwrap();
        let settings = document.build(folder, &mut Faults::default()).unwrap();
        let store = Store::open(&settings.store).await.unwrap();
        let names = SubjectNames::load(SubjectForm::Plain, None).unwrap();
        let key = PlaceKey::new(&PlainSecret::claimed("places"));
        let clock = Arc::new(ManualClock::new(NOW));
        Credentials::start(&settings, store, key, AuditLog::new(names, URL), clock).unwrap()
    }

    /// Adds a user whose password is `password of` its name.
    async fn add(credentials: &Credentials, name: &str) -> User {
        let user = User {
            id: UserId::known(name),
            username: Username::parse(name).unwrap(),
            email: Email::parse(&format!("{name}@a.example")).unwrap(),
            status: Status::Active,
            roles: Vec::new(),
            scopes: ScopeSet::default(),
            created_at: NOW,
            passkeys: 0,
            as_of: LogPosition::default(),
            revoked_through: LogPosition::default(),
        };
        let password = Password::attempt(format!("password of {name}")).unwrap();
        let whom = HashingFor {
            account: name,
            place: LoginOrigin::Known,
        };
        let hash = credentials.hasher.hash(password, whom).await.unwrap();
        let added = credentials.store.add_user(&user, &hash).await.unwrap();
        assert_eq!(added, crate::store::Created::Yes);
        user
    }

    async fn change(credentials: &Credentials, act: impl AsyncFnOnce(&mut Change)) {
        let mut change = credentials.store.change(NOW).await.unwrap();
        act(&mut change).await;
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    }

    #[tokio::test]
    async fn the_password_again_is_that_of_the_caller_whoever_has_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = credentials(folder.path()).await;
        let alice = add(&credentials, "alice").await;
        let bobby = add(&credentials, "bobby").await;
        for (user, name) in [(&alice, "carol"), (&bobby, "alice")] {
            change(&credentials, async |change: &mut Change| {
                let name = Username::parse(name).unwrap();
                let renamed = change.rename_user(&user.id, &name, &user.email).await;
                assert_eq!(renamed.unwrap(), crate::store::Created::Yes);
            })
            .await;
        }
        let again = async |password: &str| {
            let proven = credentials.password_again(&alice, password.to_owned());
            proven.await.map(|user| user.id)
        };
        let bobbys = again("password of bobby").await;
        assert!(matches!(bobbys, Err(EndpointError::BadLogin)), "{bobbys:?}");
        assert_eq!(again("password of alice").await.unwrap(), alice.id);
        change(&credentials, async |change: &mut Change| {
            change.delete_user(&alice.id).await.unwrap();
        })
        .await;
        for password in ["password of alice", "password of bobby"] {
            let nobodys = again(password).await;
            let is_refused = matches!(nobodys, Err(EndpointError::CallerChanged));
            assert!(is_refused, "{nobodys:?}");
        }
    }
}
