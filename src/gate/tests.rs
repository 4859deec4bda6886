//! The gate through a front end that is not Envoy's: an outcome becomes a line of text.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;

use super::*;
use crate::authorizer::{CacheLimits, Snapshot};
use crate::clock::SystemClock;
use crate::policy::{Host, Method, Path, Policy, Target};
use crate::problem::Source;
use crate::telemetry::{SubjectForm, SubjectNames};
use crate::token::Trust;

/// What passes as the route's name with what is removed, what does not as its status.
struct Lines;

impl FrontEnd for Lines {
    type Answer = String;

    fn render(&self, outcome: Outcome<'_>) -> String {
        match outcome {
            Outcome::Allow(allowed) => {
                let aliases = allowed.aliases.iter();
                let removed = aliases.map(|name| String::from_utf8_lossy(name));
                let removed: Vec<_> = removed.collect();
                format!("{} -{}", allowed.permit.route().name, removed.join(","))
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
        Box::pin(std::future::ready(KeyNews::Settled))
    }
}

fn gate(from_caller: FromCaller) -> Gate {
    let text = "version: 1\nroutes: [{name: docs, methods: [GET], path: /docs, access: public}, \
                {name: mine, methods: [GET], path: /mine, access: authenticated}]";
    let policy = Policy::compile(&[Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    }]);
    let snapshot = Snapshot::new(Arc::new(policy.unwrap()), Trust::default());
    let limits = CacheLimits {
        max_entries: 1,
        max_bytes: 1,
    };
    let settings = GateSettings {
        identity_headers: IdentityHeaders {
            from_caller,
            ..IdentityHeaders::default()
        },
        ..GateSettings::default()
    };
    Gate::new(
        Arc::new(Authorizer::new(snapshot, limits, Arc::new(SystemClock))),
        settings,
        DecisionLog {
            allowed: false,
            subjects: SubjectNames::load(SubjectForm::Digest, None).unwrap(),
        },
        GateMetrics::register(&mut Registry::default()),
        Arc::new(NoKeys),
    )
}

fn read<'a>(
    gate: &'a Gate,
    path: &'a str,
    headers: &[(&'a str, &'a str)],
) -> Result<Request<'a>, MalformedRequest> {
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
        view: HeaderView::Whole,
        held_bytes: 0,
    })
}

async fn check(gate: &Gate, path: &str, headers: &[(&str, &str)]) -> String {
    let verifications = Verifications::default();
    let arrived = Instant::now();
    let turn = Turn {
        arrived,
        deadline: arrived + Duration::from_mins(1),
        key_wait: Duration::ZERO,
        verifications: &verifications,
    };
    gate.check(&Lines, read(gate, path, headers), &turn).await
}

#[tokio::test]
async fn a_front_end_is_told_what_to_answer() {
    let gate = gate(FromCaller::Remove);
    let grpc = [("content-type", "application/grpc")];
    let text = [("accept", "text/html")];
    let two = [("authorization", "Bearer a"), ("Authorization", "Bearer b")];
    for (path, headers, answer) in [
        ("/docs", [].as_slice(), "docs -"),
        (
            "/docs",
            &[("X_Auth_Subject", "root")],
            "docs -X_Auth_Subject",
        ),
        (
            "/docs",
            &[("connection", "x-auth-subject")],
            "docs -connection",
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
    let turn = Turn {
        arrived,
        deadline: arrived,
        key_wait: Duration::ZERO,
        verifications: &verifications,
    };
    for read in [
        read(&gate, "/docs", &[]),
        Err(MalformedRequest::HeaderControl),
    ] {
        let answer = gate.check(&Lines, read, &turn).await;
        assert_eq!(answer, "503 cache-control,retry-after,content-type");
    }
}

#[tokio::test]
async fn a_panic_anywhere_in_a_front_end_is_a_refusal() {
    let gate = gate(FromCaller::Remove);
    let answering = async { panic!("on purpose") };
    let answer = gate.contain(&Lines, Instant::now(), answering).await;
    assert_eq!(answer, "500 cache-control,content-type");
}
