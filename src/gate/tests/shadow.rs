//! A policy in shadow beside the one in force: what it would change is counted, and nothing changes.

use super::*;
use crate::authorizer::{Difference, InShadow};
use crate::clock::UnixSeconds;
use crate::condition::{Attributes, Found};
use crate::labels::Label;

const ENFORCED: &str = "version: 1
issuers: [staff, proxy]
scopes: {read: Read}
routes:
  - {name: docs, methods: [GET], path: /docs, access: public}
  - {name: mine, methods: [GET], path: /mine, access: authenticated}
  - {name: trial, methods: [GET], path: /trial, access: authenticated, mode: shadow}
  - {name: closed, methods: [GET], path: /closed, access: nobody}
  - {name: other, methods: [GET], path: /other, access: nobody}
  - {name: staff, methods: [GET], path: /staff, access: public, issuers: [staff]}
  - {name: header, methods: [GET], path: /header, access: public}
  - {name: long, methods: [GET], path: /long, access: public}
";

const TRIED: &str = r#"version: 1
issuers: [staff, proxy]
scopes: {read: Read}
paths: {merge_slashes: true}
routes:
  - {name: docs, methods: [GET], path: /docs, access: authenticated}
  - {name: mine, methods: [GET], path: /mine, scopes: [read]}
  - {name: trial, methods: [GET], path: /trial, access: authenticated}
  - {name: opened, methods: [GET], path: /closed, access: authenticated}
  - {name: new, methods: [GET], path: /new, access: public}
  - {name: staff, methods: [GET], path: /staff, access: public, issuers: [proxy]}
  - {name: header, methods: [GET], path: /header, access: public, when: 'request.headers["x-region"] == "eu"'}
  - {name: long, methods: [GET], path: /long, access: public, when: 'request.query.q.split("").all(x, request.query.q.split("").all(y, x == y))'}
"#;

fn policy(text: &str) -> Arc<Policy> {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    };
    let policy = Policy::compile_for(&["staff".into(), "proxy".into()], &[source]);
    Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")))
}

fn gate_trying(tried: Option<&str>) -> Gate {
    let snapshot = Snapshot::new(policy(ENFORCED), trust());
    let since = UnixSeconds(1);
    let snapshot = snapshot.with_shadow(tried.map(|text| InShadow {
        policy: policy(text),
        since,
    }));
    let limits = CacheLimits {
        max_entries: 100,
        max_bytes: 1 << 20,
    };
    Gate::new(
        Arc::new(Authorizer::new(snapshot, limits, Arc::new(SystemClock))),
        GateSettings {
            token_headers: vec!["x-proxy-token".into()],
            ..GateSettings::default()
        },
        DecisionLog::new(
            DecisionSettings::default(),
            SubjectNames::load(SubjectForm::Digest, None).unwrap(),
        ),
        GateMetrics::register(&mut Registry::default()),
        Arc::new(NoKeys),
    )
}

/// What was counted, as `route difference count`.
fn counted(gate: &Gate) -> Vec<String> {
    let snapshot = gate.authorizer.snapshot();
    let shadow = snapshot.shadow().unwrap();
    let mut lines = Vec::new();
    for (route, tally) in shadow.tallies() {
        for difference in Difference::ALL {
            let count = tally.get(*difference);
            if count > 0 {
                lines.push(format!("{route} {} {count}", difference.label()));
            }
        }
    }
    lines
}

/// One check at a new gate: the answer, the same without the other policy, and what was counted.
async fn tried(path: &str, headers: &[(&str, &str)]) -> (String, Vec<String>) {
    let (plain, trying) = (gate_trying(None), gate_trying(Some(TRIED)));
    let expected = check(&plain, path, headers).await;
    let answer = check(&trying, path, headers).await;
    assert_eq!(answer, expected, "{path} {headers:?}");
    (answer, counted(&trying))
}

#[tokio::test]
async fn differences_are_counted_by_the_route_that_lets_through() {
    let of_staff = format!("Bearer {}", token(ISSUER));
    let forged = format!("Bearer {}x", token(ISSUER));
    let of_proxy = token(PROXY);
    let (good, bad) = (
        [("authorization", &*of_staff)],
        [("authorization", &*forged)],
    );
    let bare = [("x-proxy-token", &*of_proxy)];
    let two = [good[0], ("Authorization", "Bearer b")];
    for (path, headers, status, expected) in [
        ("/docs", &[][..], "docs", "docs more_closed 1"),
        ("/docs", &good, "docs", "docs none 1"),
        ("/docs", &bad, "docs", "docs more_closed 1"),
        ("/mine", &good, "mine", "mine more_closed 1"),
        ("/mine", &[], "401", "mine none 1"),
        // What shadow mode lets through, passes today.
        ("/trial", &[], "trial", "trial more_closed 1"),
        ("/trial", &good, "trial", "trial none 1"),
        ("/closed", &[], "403", "closed refusal 1"),
        ("/closed", &good, "403", "opened more_open 1"),
        ("/closed", &bad, "403", "closed refusal 1"),
        ("/closed", &bare, "403", "opened more_open 1"),
        ("/other", &good, "403", "other refusal 1"),
        ("/new", &[], "401", "new more_open 1"),
        ("/nothing", &[], "401", "(no route) none 1"),
        ("/staff", &[], "staff", "staff none 1"),
        ("/staff", &good, "staff", "staff identity 1"),
        ("/staff", &bare, "staff", "staff identity 1"),
        ("/header", &[], "header", "header more_closed 1"),
        // What the policy in force calls malformed is not for the other one to judge.
        ("//docs", &[], "400", ""),
        ("/docs", &two, "400", ""),
    ] {
        let (answer, counted) = tried(path, headers).await;
        assert!(answer.starts_with(status), "{path} {headers:?}: {answer}");
        assert_eq!(counted.join("\n"), expected, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn a_condition_that_takes_too_many_steps_changes_no_answer() {
    let path = format!("/long?q={}", "x".repeat(200));
    let (answer, counted) = tried(&path, &[]).await;
    assert!(answer.starts_with("long"), "{answer}");
    assert_eq!(counted, ["long more_closed 1"]);
}

#[derive(Debug)]
struct Panicking;

impl Attributes for Panicking {
    fn header(&self, _: &str) -> (Found<&[u8]>, usize) {
        panic!("on purpose")
    }

    fn scheme(&self) -> Option<&str> {
        None
    }

    fn source_address(&self) -> Option<&str> {
        None
    }

    fn source_principal(&self) -> Option<&str> {
        None
    }

    fn size(&self) -> Option<i64> {
        None
    }
}

#[tokio::test]
async fn a_panic_while_the_shadow_policy_is_asked_changes_no_answer() {
    let gate = gate_trying(Some(TRIED));
    let verifications = Verifications::default();
    let turn = Turn::within(None, Instant::now(), &LIMITS, &verifications);
    let request = Request {
        attributes: &Panicking,
        ..read(&gate, "/header", &[]).unwrap()
    };
    let answer = gate.check(&Lines, Ok(request), &turn).await;
    assert!(answer.starts_with("header"), "{answer}");
    assert_eq!(counted(&gate), ["header cannot_tell 1"]);
}

#[tokio::test]
async fn no_token_is_looked_at_twice() {
    // Signed by the issuer, for another audience: the refusal is known only from looking.
    let now = SystemClock.now().0;
    let claims = serde_json::json!({
        "iss": ISSUER, "aud": "elsewhere", "sub": "alice", "exp": now + 600, "iat": now,
    });
    let key = jsonwebtoken::EncodingKey::from_secret(&*SECRET);
    let header = jsonwebtoken::Header::default();
    let elsewhere = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    for (token, path) in [(&elsewhere, "/mine"), (&token(ISSUER), "/mine")] {
        let gate = gate_trying(Some(TRIED));
        let bearer = format!("Bearer {token}");
        check(&gate, path, &[("authorization", &bearer)]).await;
        let seen = gate.authorizer.cache_statistics();
        assert_eq!((seen.misses, seen.hits), (1, 0));
        assert_eq!(counted(&gate).len(), 1);
    }
}

#[tokio::test]
async fn a_signature_for_the_shadow_policy_alone_waits_for_nobody() {
    let gate = gate_trying(Some(TRIED));
    let verifications = Verifications::default();
    let turn = Turn::within(None, Instant::now(), &LIMITS, &verifications);
    let bearer = format!("Bearer {}", token(ISSUER));
    let headers = [("authorization", &*bearer)];
    let running = verifications.begin(turn.deadline, 0).await.unwrap();
    let busy = gate.check(&Lines, read(&gate, "/closed", &headers), &turn);
    let answer = busy.now_or_never().expect("it waits for nobody");
    assert!(answer.starts_with("403"), "{answer}");
    assert_eq!(counted(&gate), ["closed cannot_tell 1"]);
    drop(running);
    // Once it was verified, the cache knows it.
    for count in 1..3 {
        let answer = gate
            .check(&Lines, read(&gate, "/closed", &headers), &turn)
            .await;
        assert!(answer.starts_with("403"), "{answer}");
        assert!(counted(&gate).contains(&format!("opened more_open {count}")));
    }
    assert_eq!(gate.authorizer.cache_statistics().misses, 1);
}

#[tokio::test]
async fn a_check_that_was_not_judged_is_not_compared() {
    let gate = gate_trying(Some(TRIED));
    let verifications = Verifications::default();
    let turn = Turn::within(None, Instant::now(), &LIMITS, &verifications);
    let running = verifications.begin(turn.deadline, 0).await.unwrap();
    let bearer = format!("Bearer {}", token(ISSUER));
    let headers = [("authorization", &*bearer)];
    let waiting = read(&gate, "/mine", &headers).map(|request| Request {
        held_bytes: usize::MAX / 2,
        ..request
    });
    let mut waiting = std::pin::pin!(gate.check(&Lines, waiting, &turn));
    assert!(waiting.as_mut().now_or_never().is_none());
    for (path, expected) in [("/mine", "503"), ("/docs", "docs")] {
        let answer = gate.check(&Lines, read(&gate, path, &headers), &turn).await;
        assert!(answer.starts_with(expected), "{path} {answer}");
    }
    drop(running);
    assert_eq!(counted(&gate), Vec::<String>::new());
}

#[tokio::test]
async fn counts_go_on_where_a_policy_is_replaced() {
    let gate = gate_trying(Some(TRIED));
    check(&gate, "/docs", &[]).await;
    let later = TRIED.replace("name: docs", "name: pages");
    let in_shadow = InShadow {
        policy: policy(&later),
        since: UnixSeconds(2),
    };
    gate.authorizer.update(|snapshot| {
        let trust = snapshot.current_trust().clone();
        snapshot.succeeded_by(policy(ENFORCED), Some(in_shadow.clone()), trust)
    });
    check(&gate, "/docs", &[]).await;
    check(&gate, "/new", &[]).await;
    assert_eq!(counted(&gate), ["docs more_closed 2", "new more_open 1"]);
    gate.authorizer
        .update(|snapshot| snapshot.with_trust(trust()));
    check(&gate, "/docs", &[]).await;
    assert_eq!(counted(&gate), ["docs more_closed 3", "new more_open 1"]);
}
