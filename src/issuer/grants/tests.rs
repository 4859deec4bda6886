//! Grants by themselves: no HTTP, no app, a store in a file.

use std::collections::BTreeSet;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::clock::{ManualClock, UnixSeconds};
use crate::identity::{
    App, AppDescription, AppKey, AppName, AppStatus, Assurance, CodeChallenge, Email, RedirectUri,
    RoleName, ScopeName, ScopesFrom, SecretDigest, Status, Username,
};
use crate::issuer::http::guard;
use crate::issuer::{IssuerDocument, keys};
use crate::problem::Faults;
use crate::store::{AuthorizationCode, NewSession};
use crate::telemetry::{SubjectForm, SubjectNames};
use crate::token::{Trust, UnverifiedToken};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
const URL: &str = "https://id.shop.example";
const CALLBACK: &str = "https://shop.example/cb";

/// Alice, an app of Bobby's, and what is needed to give and take.
struct Bench {
    grants: Grants,
    trust: Trust,
    clock: Arc<ManualClock>,
    _folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let document = json!({"url": URL, "store": "sqlite:store.db", "audiences": ["orders"]});
        let document: IssuerDocument = serde_json::from_value(document).unwrap();
        let settings = document.build(folder.path(), &mut Faults::default());
        let settings = settings.unwrap();
        let store = Store::open(&settings.store).await.unwrap();
        let rows = keys::agree(&store, &settings, keys::Occasion::Start, NOW).await;
        let signer = Signer::new(rows.unwrap(), NOW).unwrap();
        let trust = guard::trust(&settings, signer.key_set().clone()).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let names = SubjectNames::load(SubjectForm::Plain, None).unwrap();
        let secret = PlainSecret::from_random([1; 32]);
        let grants = Grants::new(
            GrantSettings::of(&settings),
            AuditLog::new(names, URL),
            store,
            Arc::new(ArcSwap::from_pointee(signer)),
            SuccessorKey::new(&secret),
            Arc::clone(&clock) as Arc<dyn Clock>,
        );
        let bench = Self {
            grants,
            trust,
            clock,
            _folder: folder,
        };
        bench.furnish().await;
        bench
    }

    async fn furnish(&self) {
        let store = &self.grants.store;
        let scopes = ["a", "b"].map(|name| ScopeName::parse(name).unwrap());
        for scope in &scopes {
            store.add_scope(scope, "").await.unwrap();
        }
        for (role, scopes) in [("readers", &scopes[..1]), ("writers", &scopes[1..])] {
            let role = RoleName::parse(role).unwrap();
            assert!(store.extend_role(&role, scopes).await.unwrap());
        }
        for name in ["alice", "bobby"] {
            let user = User {
                id: UserId::known(name),
                username: Username::parse(name).unwrap(),
                email: Email::parse(&format!("{name}@shop.example")).unwrap(),
                status: Status::Active,
                roles: ["readers", "writers"]
                    .map(|role| RoleName::parse(role).unwrap())
                    .into(),
                scopes: ScopeSet::default(),
                created_at: NOW,
                passkeys: 0,
                as_of: LogPosition::default(),
                revoked_through: LogPosition::default(),
            };
            store.add_user(&user, "hash").await.unwrap();
        }
        for key in ["shop", "other"] {
            let app = App {
                key: AppKey::known(key),
                name: AppName::parse(key).unwrap(),
                description: AppDescription::default(),
                link: None,
                owner: UserId::known("bobby"),
                redirect_uris: vec![RedirectUri::parse(CALLBACK).unwrap()],
                scopes: scopes.iter().cloned().collect(),
                scopes_from: ScopesFrom::List,
                status: AppStatus::Active,
                created_at: NOW,
                revoked_through: LogPosition::default(),
                last_used_at: None,
                secret_since: None,
            };
            let secret = PlainSecret::from_random([2; 32]).kept();
            store.add_app(&app, &secret).await.unwrap();
        }
    }

    async fn user(&self, name: &str) -> User {
        let user = self.grants.store.user(&UserId::known(name)).await;
        user.unwrap().unwrap()
    }

    async fn app(&self, key: &str) -> AppWithOwner {
        let app = self.grants.store.app(&AppKey::known(key), NOW).await;
        app.unwrap().unwrap()
    }

    /// A grant of Alice to the app of this key.
    async fn to_app(&self, key: &str) -> Granted {
        let (user, app) = (self.user("alice").await, self.app(key).await);
        let begun = self.grants.begin(
            &user,
            Some(&app),
            &RequestedRights::ALL,
            Extension::ByRefreshToken,
        );
        begun.await.unwrap()
    }

    async fn login(&self) -> Granted {
        let user = self.user("alice").await;
        let begun = self.grants.begin(
            &user,
            None,
            &RequestedRights::ALL,
            Extension::ByRefreshToken,
        );
        begun.await.unwrap()
    }

    /// The scopes of the next access token, for the app.
    async fn refresh(&self, token: &Granted, key: &str) -> Result<Granted, EndpointError> {
        let app = self.app(key).await;
        let secret = token.refresh_token.as_ref().unwrap().reveal();
        let by = Presenter::App(&app);
        self.grants.refresh(secret, by, &RequestedRights::ALL).await
    }

    async fn set_roles(&self, roles: &[&str]) {
        let mut change = self.grants.store.change(NOW).await.unwrap();
        let roles: Vec<RoleName> = roles
            .iter()
            .map(|role| RoleName::parse(role).unwrap())
            .collect();
        let alice = UserId::known("alice");
        change.set_user_roles(&alice, &roles).await.unwrap();
        let _ = change.commit().await.unwrap();
    }

    async fn introspected(&self, text: &str, key: &str) -> Option<String> {
        let app = self.app(key).await;
        let described = self.grants.introspect(text, &app, &self.trust).await;
        let described = serde_json::to_value(described.unwrap()).unwrap();
        described["scope"].as_str().map(str::to_owned)
    }
}

#[tokio::test]
async fn a_refreshed_token_has_what_is_left_of_the_grant() {
    let bench = Bench::new().await;
    let first = bench.to_app("shop").await;
    assert_eq!(first.scopes.to_string(), "a b");
    // What is added does not end what there is.
    let second = bench.refresh(&first, "shop").await.unwrap();
    assert_eq!(second.scopes.to_string(), "a b");
    let mut change = bench.grants.store.change(NOW).await.unwrap();
    let writers = RoleName::parse("writers").unwrap();
    let lost = ScopeSet::parse("b").unwrap();
    change.remove_role_scopes(&writers, &lost).await.unwrap();
    let _ = change.commit().await.unwrap();
    let third = bench.refresh(&second, "shop").await.unwrap();
    assert_eq!(third.scopes.to_string(), "a");
    let mut change = bench.grants.store.change(NOW).await.unwrap();
    change.add_role_scopes(&writers, &lost).await.unwrap();
    let _ = change.commit().await.unwrap();
    let fourth = bench.refresh(&third, "shop").await.unwrap();
    assert_eq!(fourth.scopes.to_string(), "a b", "it was granted at first");
    // A role of the user that is taken from it ends all that it had.
    bench.set_roles(&["readers"]).await;
    let refused = bench.refresh(&fourth, "shop").await;
    assert!(matches!(refused, Err(EndpointError::BadRefreshToken)));
}

#[tokio::test]
async fn a_refresh_token_is_for_whom_it_was_given_to() {
    let bench = Bench::new().await;
    let (alice, bobby) = (bench.user("alice").await, bench.user("bobby").await);
    let (shop, other) = (bench.app("shop").await, bench.app("other").await);
    // Who brings it; whether it is for a login of Alice; and for her grant to the shop.
    let rows = [
        (Presenter::App(&shop), false, true),
        (Presenter::App(&other), false, false),
        (Presenter::User(&alice), true, false),
        (Presenter::User(&bobby), false, false),
        (Presenter::Anybody, true, false),
    ];
    for (by, of_login, of_app) in rows {
        for (granted, expected) in [
            (bench.login().await, of_login),
            (bench.to_app("shop").await, of_app),
        ] {
            let secret = granted.refresh_token.as_ref().unwrap().reveal();
            let refreshed = bench.grants.refresh(secret, by, &RequestedRights::ALL);
            assert_eq!(refreshed.await.is_ok(), expected);
            // Whoever has no right to it has not used it up.
            let digest = PlainSecret::claimed(secret).digest();
            let unused = bench.grants.store.unused_refresh_token_since(&digest, NOW);
            assert_eq!(unused.await.unwrap().is_some(), !expected);
        }
    }
}

#[tokio::test]
async fn a_request_for_more_than_was_granted_is_refused() {
    let bench = Bench::new().await;
    let (user, app) = (bench.user("alice").await, bench.app("shop").await);
    let asked = |scopes: &str, audiences: &str| RequestedRights {
        scopes: RequestedScopes::Some(ScopeSet::parse(scopes).unwrap()),
        audiences: Audiences::from_text(audiences),
    };
    let extension = Extension::ByRefreshToken;
    let begin = async |rights: &RequestedRights| {
        bench
            .grants
            .begin(&user, Some(&app), rights, extension)
            .await
    };
    let granted = begin(&asked("a", "orders")).await.unwrap();
    let secret = granted.refresh_token.unwrap();
    let refresh = async |rights: &RequestedRights| {
        let by = Presenter::App(&app);
        bench
            .grants
            .refresh(secret.reveal(), by, rights)
            .await
            .err()
    };
    let beyond = refresh(&asked("a b", "")).await;
    assert!(matches!(beyond, Some(EndpointError::ScopeBeyondGrant)));
    let elsewhere = refresh(&asked("a", URL)).await;
    assert!(matches!(elsewhere, Some(EndpointError::InvalidTarget(_))));
    let nothing = begin(&asked("c", "")).await.err();
    assert!(matches!(nothing, Some(EndpointError::NothingGranted(_))));
    assert!(refresh(&asked("a", "orders")).await.is_none());
}

#[tokio::test]
async fn a_code_leads_to_tokens_once_and_its_return_ends_them() {
    let bench = Bench::new().await;
    let (user, app) = (bench.user("alice").await, bench.app("shop").await);
    let secret = PlainSecret::from_random([7; 32]);
    // RFC 7636 appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let code = AuthorizationCode {
        grant: Grant {
            id: GrantId::known("grant"),
            user: user.id.clone(),
            app: Some(app.app.key.clone()),
            scopes: ScopeSet::parse("a").unwrap(),
            audiences: Audiences::All,
            position: user.as_of,
        },
        redirect_uri: None,
        sent_to: RedirectUri::parse(CALLBACK).unwrap(),
        challenge: CodeChallenge::parse(challenge).unwrap(),
        expires_at: NOW.plus(60),
    };
    let (digest, session) = (secret.digest(), SecretDigest::of(b"session"));
    let (store, end) = (&bench.grants.store, NOW.plus(60));
    let begun = NewSession {
        digest: &session,
        user: &user,
        assurance: Assurance::Password,
        created_at: NOW,
        expires_at: end,
    };
    store.add_session(&begun).await.unwrap();
    let added = store.add_authorization_code(&digest, &code, &session, NOW);
    added.await.unwrap();
    let redeem = async |key: &str, verifier: &str, redirect_uri: Option<&str>| {
        let presented = PresentedCode {
            code: secret.reveal(),
            verifier,
            redirect_uri,
            audiences: Audiences::All,
        };
        let app = bench.app(key).await;
        bench.grants.redeem(&app, &presented).await
    };
    for (key, verifier, redirect_uri) in [
        ("other", verifier, None),
        ("shop", "another", None),
        ("shop", verifier, Some("https://other.example/cb")),
    ] {
        let refused = redeem(key, verifier, redirect_uri).await;
        assert!(matches!(refused, Err(EndpointError::BadCode)), "{key}");
    }
    let granted = redeem("shop", verifier, None).await.unwrap();
    assert_eq!(granted.scopes.to_string(), "a");
    let scopes = bench.introspected(&granted.access_token, "shop").await;
    assert_eq!(scopes.as_deref(), Some("a"));
    assert!(redeem("shop", verifier, None).await.is_err());
    let scopes = bench.introspected(&granted.access_token, "shop").await;
    assert_eq!(scopes, None, "its grant has ended");
    assert!(bench.refresh(&granted, "shop").await.is_err());
}

#[tokio::test]
async fn a_token_is_given_back_by_its_holder_alone_and_ends_its_grant() {
    let bench = Bench::new().await;
    let revokers = [
        Revoker::App(AppKey::known("shop")),
        Revoker::App(AppKey::known("other")),
        Revoker::User(UserId::known("alice")),
        Revoker::User(UserId::known("bobby")),
    ];
    // Whose revocation ends a grant to the shop; and a login.
    for (revoker, ends_app, ends_login) in revokers
        .iter()
        .zip([true, false, false, false])
        .zip([false, false, true, false])
        .map(|((revoker, app), login)| (revoker, app, login))
    {
        for (granted, ends) in [
            (bench.to_app("shop").await, ends_app),
            (bench.login().await, ends_login),
        ] {
            let texts = [
                granted.access_token.clone(),
                granted.refresh_token.unwrap().reveal().to_owned(),
            ];
            let text = if ends_app { &texts[0] } else { &texts[1] };
            let returned = bench.grants.returned_token(text, &bench.trust).await;
            let returned = returned.unwrap().unwrap();
            bench.grants.revoke(&returned, revoker).await.unwrap();
            let token = UnverifiedToken::parse(texts[0].as_bytes()).unwrap();
            let verified = bench.trust.verify(token, NOW).unwrap();
            let standing = bench.grants.standing(&verified).await.unwrap();
            assert_eq!(standing.is_none(), ends);
        }
    }
}

#[tokio::test]
async fn introspection_is_strict_where_revocation_is_lenient() {
    let bench = Bench::new().await;
    let granted = bench.to_app("shop").await;
    let token = &granted.access_token;
    let returned = async || {
        let found = bench.grants.returned_token(token, &bench.trust).await;
        found.unwrap().is_some()
    };
    assert!(bench.introspected(token, "shop").await.is_some());
    assert_eq!(
        bench.introspected(token, "other").await,
        None,
        "not its own"
    );
    // After its end a gate with another clock may still accept it.
    for (later, active, is_token) in [
        (3599, true, true),
        (1, false, true),
        (599, false, true),
        (1, false, false),
    ] {
        bench.clock.advance(later);
        let scopes = bench.introspected(token, "shop").await;
        assert_eq!(scopes.is_some(), active, "{later}");
        assert_eq!(returned().await, is_token, "{later}");
    }
    assert_eq!(bench.introspected("neither", "shop").await, None);
}

#[tokio::test]
async fn an_access_token_names_all_that_can_take_it_back() {
    let bench = Bench::new().await;
    let targets = async |granted: &Granted| {
        let token = UnverifiedToken::parse(granted.access_token.as_bytes()).unwrap();
        let verified = bench.trust.verify(token, NOW).unwrap();
        let targets = crate::token::RevocationTarget::all_of(&verified);
        let kinds: BTreeSet<String> = targets
            .iter()
            .map(|target| match target.kind() {
                kind @ ("grant" | "token") => kind.to_owned(),
                kind => format!("{kind} {}", target.name()),
            })
            .collect();
        kinds.into_iter().collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        targets(&bench.to_app("shop").await).await,
        "app shop, grant, owner bobby, role readers, role writers, token, user alice"
    );
    assert_eq!(
        targets(&bench.login().await).await,
        "app portcullis, grant, role readers, role writers, token, user alice"
    );
}
