//! The gate through a front end that is not Envoy's: an outcome becomes a line of text.

mod shadow;

use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;

use super::*;
use crate::authorizer::{CacheLimits, Snapshot};
use crate::clock::{Clock, SystemClock};
use crate::condition::NoAttributes;
use crate::policy::{Host, Method, Path, Policy, Target};
use crate::problem::Source;
use crate::telemetry::{DecisionSettings, SubjectForm, SubjectNames};
use crate::token::{Algorithm, IssuerRules, KeySet, MissingKey, Trust};

/// What passes as the route's name with the edits of its headers, what does not as its status.
struct Lines;

impl FrontEnd for Lines {
    type Answer = String;

    fn render(&self, outcome: Outcome<'_>) -> String {
        match outcome {
            Outcome::Allow(allowed) => {
                let edits = allowed.edits().map(|edit| match edit {
                    HeaderEdit::Set { name, value } => {
                        let mut text = format!("{name}=").into_bytes();
                        value.append_to(&mut text);
                        String::from_utf8(text).unwrap()
                    }
                    HeaderEdit::Remove { name } => format!("-{name}"),
                });
                let edits: Vec<_> = edits.collect();
                format!("{} {}", allowed.permit.route().name, edits.join(" "))
            }
            Outcome::Refuse(refused) => {
                let names = refused.headers().map(|(name, _)| name);
                let names: Vec<_> = names.collect();
                let code = refused.refusal.status().http_code();
                format!("{code} {}", names.join(","))
            }
        }
    }
}

const LIMITS: WaitLimits = WaitLimits {
    key_wait: Duration::ZERO,
    longest: Duration::from_mins(1),
};

struct NoKeys;

impl KeyRefresh for NoKeys {
    fn can_ask(&self, _: &MissingKey) -> bool {
        false
    }

    fn ask(
        &self,
        _: MissingKey,
        _: Duration,
    ) -> Pin<Box<dyn Future<Output = KeyNews> + Send + '_>> {
        Box::pin(std::future::ready(KeyNews::Answered))
    }
}

const ISSUER: &str = "https://id.shop.example";
const PROXY: &str = "https://proxy.shop.example";

/// The key of both issuers.
static SECRET: LazyLock<[u8; 64]> = LazyLock::new(|| {
    let mut secret = [0; 64];
    aws_lc_rs::rand::fill(&mut secret).unwrap();
    secret
});

/// One entry for tokens in `Authorization`, one for those in the header that a proxy sets.
fn trust() -> Trust {
    let entries = [
        ("staff", ISSUER, None),
        ("proxy", PROXY, Some("x-proxy-token")),
    ];
    Trust::new(entries.map(entry).into()).unwrap()
}

fn entry(
    (name, issuer, token_header): (&str, &str, Option<&str>),
) -> (IssuerRules, Option<KeySet>) {
    let rules = IssuerRules {
        types: vec!["jwt".into()],
        token_header: token_header.map(Into::into),
        ..IssuerRules::of_access_tokens(name, issuer, &["shop"], &[Algorithm::Hs256])
    };
    let keys = KeySet::from_hmac_secret(&*SECRET, &[Algorithm::Hs256]).unwrap();
    (rules, Some(keys))
}

/// Alice's, without client and scopes.
fn token(issuer: &str) -> String {
    let now = SystemClock.now().0;
    let claims = serde_json::json!({
        "iss": issuer, "aud": "shop", "sub": "alice",
        "exp": now + 600, "iat": now,
    });
    let key = jsonwebtoken::EncodingKey::from_secret(&*SECRET);
    let header = jsonwebtoken::Header::default();
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

fn gate(from_caller: FromCaller) -> Gate {
    gate_with(GateSettings {
        identity_headers: IdentityHeaders {
            from_caller,
            ..IdentityHeaders::default()
        },
        ..GateSettings::default()
    })
}

fn gate_with(settings: GateSettings) -> Gate {
    gate_of(authorizer(trust()), settings, Arc::new(NoKeys))
}

fn policy() -> Arc<Policy> {
    let text = "version: 1\nroutes: [{name: docs, methods: [GET], path: /docs, access: public}, \
                {name: mine, methods: [GET], path: /mine, access: authenticated}, \
                {name: trial, methods: [GET], path: /trial, access: authenticated, mode: shadow}, \
                {name: staff, methods: [GET], path: /staff, access: authenticated, issuers: [staff]}]";
    let policy = Policy::compile(&[Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    }]);
    Arc::new(policy.unwrap())
}

fn authorizer(trust: Trust) -> Arc<Authorizer> {
    let snapshot = Snapshot::new(policy(), trust);
    let limits = CacheLimits {
        max_entries: 1,
        max_bytes: 1,
    };
    Arc::new(Authorizer::new(snapshot, limits, Arc::new(SystemClock)))
}

fn gate_of(authorizer: Arc<Authorizer>, settings: GateSettings, keys: Arc<dyn KeyRefresh>) -> Gate {
    Gate::new(
        authorizer,
        settings,
        DecisionLog::new(
            DecisionSettings::default(),
            SubjectNames::load(SubjectForm::Digest, None).unwrap(),
        ),
        GateMetrics::register(&mut Registry::default()),
        keys,
    )
}

/// An issuer whose keys come right before it would be asked for them.
struct JustAnswered(Arc<Authorizer>);

impl KeyRefresh for JustAnswered {
    fn can_ask(&self, _: &MissingKey) -> bool {
        self.0.update(|_| Snapshot::new(policy(), trust()));
        false
    }

    fn ask(
        &self,
        _: MissingKey,
        _: Duration,
    ) -> Pin<Box<dyn Future<Output = KeyNews> + Send + '_>> {
        panic!("there is nothing to ask for")
    }
}

#[tokio::test]
async fn no_token_is_called_bad_by_keys_that_have_been_replaced_meanwhile() {
    let (rules, _) = entry(("staff", ISSUER, None));
    let other: Vec<u8> = SECRET.iter().rev().copied().collect();
    let earlier = KeySet::from_hmac_secret(&other, &[Algorithm::Hs256]).unwrap();
    let authorizer = authorizer(Trust::new(vec![(rules, Some(earlier))]).unwrap());
    let keys = Arc::new(JustAnswered(Arc::clone(&authorizer)));
    let gate = gate_of(authorizer, GateSettings::default(), keys);
    let bearer = format!("Bearer {}", token(ISSUER));
    let answer = check(&gate, "/mine", &[("authorization", &bearer)]).await;
    assert!(answer.starts_with("mine x-auth-subject=alice"), "{answer}");
}

fn read<'a>(
    gate: &'a Gate,
    path: &'a str,
    headers: &[(&'a str, &'a str)],
) -> Result<Request<'a>, MalformedCheck<'a>> {
    let mut reader = HeaderReader::new(gate.aliases());
    let mut singles = SingleHeaders::default();
    for (name, value) in headers {
        reader.read(name.as_bytes(), value.as_bytes(), &mut singles);
    }
    let headers = reader.finish()?;
    Ok(Request {
        target: Target {
            method: Method(b"GET"),
            host: Host(b"shop.example"),
            path: Path(path.as_bytes()),
            preflight: None,
            grpc: headers.is_grpc(),
        },
        credentials: singles.credentials(gate.aliases()),
        headers,
        attributes: &NoAttributes,
        view: HeaderView::Whole,
        held_bytes: 0,
    })
}

async fn check(gate: &Gate, path: &str, headers: &[(&str, &str)]) -> String {
    let verifications = Verifications::default();
    let arrived = Instant::now();
    let turn = Turn::within(None, arrived, &LIMITS, &verifications);
    gate.check(&Lines, read(gate, path, headers), &turn).await
}

#[tokio::test]
async fn a_front_end_is_told_what_to_answer() {
    let gate = gate(FromCaller::Remove);
    let grpc = [("content-type", "application/grpc")];
    let text = [("accept", "text/html")];
    let two = [("authorization", "Bearer a"), ("Authorization", "Bearer b")];
    for (path, headers, answer) in [
        (
            "/docs",
            [].as_slice(),
            "docs -x-auth-subject -x-auth-client -x-auth-scopes -x-auth-issuer",
        ),
        (
            "/docs",
            &two,
            "400 cache-control,www-authenticate,content-type",
        ),
        ("/docs/../a", &[], "400 cache-control,content-type"),
        (
            "/docs",
            &[("a", "b\r\nc: d")],
            "400 cache-control,content-type",
        ),
        (
            "/mine",
            &text,
            "401 cache-control,www-authenticate,content-type",
        ),
        ("/mine", &grpc, "400 cache-control,grpc-status,grpc-message"),
    ] {
        assert_eq!(
            check(&gate, path, headers).await,
            answer,
            "{path} {headers:?}"
        );
    }
}

/// The edits of identity headers come first, as of a caller that no token names.
const NOBODY: [&str; 4] = [
    "-x-auth-subject",
    "-x-auth-client",
    "-x-auth-scopes",
    "-x-auth-issuer",
];

#[tokio::test]
async fn whatever_a_caller_says_of_itself_is_removed() {
    let of_staff = token(ISSUER);
    let gate = gate_with(GateSettings {
        token_headers: vec!["x-proxy-token".into()],
        ..GateSettings::default()
    });
    let removed = NOBODY.into_iter().chain(["-x-proxy-token"]);
    for (name, value, more) in [
        ("accept", "*/*", None),
        ("x-auth-subject", "root", None),
        ("x_auth_subject", "root", Some("-x_auth_subject")),
        ("X_Auth.Issuer", "root", Some("-X_Auth.Issuer")),
        ("connection", "close, x-auth-subject", Some("-connection")),
        ("Connection", "x_auth_client", Some("-Connection")),
        ("connection", "X-Proxy-Token", Some("-connection")),
        ("x_proxy_token", "a.b.c", Some("-x_proxy_token")),
        ("x-proxy-token", "a.b.c", None),
        ("X-Proxy-Token", "a.b.c", None),
        // A token of another header's issuer, and a credential that may be the upstream's own.
        ("x-proxy-token", of_staff.as_str(), None),
        ("authorization", "Bearer a.b.c", None),
    ] {
        let edits: Vec<_> = removed.clone().chain(more).collect();
        let answer = check(&gate, "/docs", &[(name, value)]).await;
        assert_eq!(
            answer,
            format!("docs {}", edits.join(" ")),
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn a_callers_own_identity_replaces_what_it_says_of_itself() {
    let gate = gate(FromCaller::Remove);
    let bearer = format!("Bearer {}", token(ISSUER));
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-auth-subject", "root"),
        ("x-auth-client", "root"),
        ("x_auth_issuer", "root"),
    ];
    assert_eq!(
        check(&gate, "/mine", &headers).await,
        "mine x-auth-subject=alice -x-auth-client -x-auth-scopes \
         x-auth-issuer=https://id.shop.example -x_auth_issuer"
    );
}

#[tokio::test]
async fn a_token_header_stays_only_where_its_token_was_verified() {
    let gate = gate_with(GateSettings {
        token_headers: vec!["x-proxy-token".into()],
        ..GateSettings::default()
    });
    let (of_staff, of_proxy) = (format!("Bearer {}", token(ISSUER)), token(PROXY));
    let forged = format!("{of_proxy}x");
    let own = ("authorization", of_staff.as_str());
    for path in ["/docs", "/mine", "/staff"] {
        let answer = check(&gate, path, &[("x-proxy-token", of_proxy.as_str())]).await;
        assert_eq!(answer.contains(PROXY), path != "/staff", "{path}: {answer}");
        assert!(!answer.contains("-x-proxy-token"), "{path}: {answer}");
    }
    // Where the route reads the other header, this one is nobody's word.
    for value in [of_proxy.as_str(), &forged] {
        let answer = check(&gate, "/staff", &[own, ("x-proxy-token", value)]).await;
        assert!(answer.contains(ISSUER), "{answer}");
        assert!(answer.contains("-x-proxy-token"), "{answer}");
    }
    let answer = check(&gate, "/docs", &[("x-proxy-token", forged.as_str())]).await;
    assert!(answer.contains("-x-proxy-token"), "{answer}");
}

#[tokio::test]
async fn tokens_are_stripped_where_configured() {
    let gate = gate_with(GateSettings {
        token_headers: vec!["x-proxy-token".into()],
        strip_token: true,
        ..GateSettings::default()
    });
    let stripped = ["-authorization", "-x-proxy-token"];
    for (name, more) in [
        ("accept", None),
        ("x-proxy-token", None),
        ("x_proxy_token", Some("-x_proxy_token")),
    ] {
        let edits: Vec<_> = NOBODY.into_iter().chain(stripped).chain(more).collect();
        let answer = check(&gate, "/docs", &[(name, "a.b.c")]).await;
        assert_eq!(answer, format!("docs {}", edits.join(" ")), "{name}");
    }
}

#[tokio::test]
async fn what_the_proxy_may_hold_back_is_removed_unseen() {
    let gate = gate_with(GateSettings {
        token_headers: vec!["x-proxy-token".into()],
        ..GateSettings::default()
    });
    let verifications = Verifications::default();
    let turn = Turn::within(None, Instant::now(), &LIMITS, &verifications);
    let mut request = read(&gate, "/docs", &[]).unwrap();
    request.view = HeaderView::Filtered;
    let answer = gate.check(&Lines, Ok(request), &turn).await;
    let edits: Vec<_> = answer.split(' ').collect();
    for edit in ["-x_auth_subject", "-x-auth.issuer", "-x_proxy_token"] {
        assert!(edits.contains(&edit), "{edit}");
    }
}

#[tokio::test]
async fn an_identity_header_of_the_callers_own_is_refused_where_configured() {
    let gate = gate(FromCaller::Refuse);
    for name in ["x-auth-subject", "X-AUTH.issuer"] {
        let answer = check(&gate, "/docs", &[(name, "root")]).await;
        assert_eq!(answer, "400 cache-control,content-type", "{name}");
    }
}

#[tokio::test]
async fn a_check_whose_turn_is_over_is_refused_whatever_it_is() {
    let gate = gate(FromCaller::Remove);
    let verifications = Verifications::default();
    let arrived = Instant::now();
    let turn = Turn::within(Some(Duration::ZERO), arrived, &LIMITS, &verifications);
    for read in [
        read(&gate, "/docs", &[]),
        Err(MalformedRequest::HeaderControl.into()),
    ] {
        let answer = gate.check(&Lines, read, &turn).await;
        assert_eq!(answer, "503 cache-control,retry-after,content-type");
    }
}

/// The queue of signatures is full.
#[tokio::test]
async fn shadow_mode_lets_nobody_through_whose_token_cannot_be_verified_in_time() {
    let gate = gate(FromCaller::Remove);
    let verifications = Verifications::default();
    let turn = Turn::within(None, Instant::now(), &LIMITS, &verifications);
    let running = verifications.begin(turn.deadline, 0).await.unwrap();
    let bearer = format!("Bearer {}", token(ISSUER));
    let headers = [("authorization", bearer.as_str())];
    let waiting = read(&gate, "/mine", &headers).map(|request| Request {
        held_bytes: usize::MAX / 2,
        ..request
    });
    let mut waiting = std::pin::pin!(gate.check(&Lines, waiting, &turn));
    assert!(waiting.as_mut().now_or_never().is_none());
    for (path, expected) in [("/trial", "503"), ("/mine", "503"), ("/docs", "docs")] {
        let answer = gate.check(&Lines, read(&gate, path, &headers), &turn).await;
        assert!(answer.starts_with(expected), "{path} {answer}");
    }
    drop(running);
    let anonymous = check(&gate, "/trial", &[]).await;
    assert!(anonymous.starts_with("trial"), "{anonymous}");
}

#[tokio::test]
async fn a_panic_anywhere_in_a_front_end_is_a_refusal() {
    let gate = gate(FromCaller::Remove);
    let answering = async { panic!("on purpose") };
    let answer = gate.contain(&Lines, Instant::now(), answering).await;
    assert_eq!(answer, "500 cache-control,content-type");
}
