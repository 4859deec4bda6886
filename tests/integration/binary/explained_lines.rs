//! `portcullis explain --log-line`: what the line knows and no request can show again.

use serde_json::Value;

use super::logs::{decisions, whole_log};
use super::{Server, run_with_input, text};
use crate::asker::Asker;
use crate::test_app::Setup;
use crate::test_issuer::{AUDIENCE, ISSUER, claims};

/// The lines of a gate that was asked for these paths with these tokens, and the gate's folder.
async fn lines(server: &mut Server, asked: &[(&str, Option<&str>)]) -> Vec<Value> {
    let client = Asker::connect(&server.authz_url()).await;
    for (path, token) in asked {
        client.ask(path, *token).await;
    }
    let log = whole_log(server);
    let lines = decisions(&log);
    assert_eq!(lines.len(), asked.len(), "{log}");
    lines
}

/// What the verb says of a line, with its exit code.
fn explained(server: &Server, arguments: &[&str], line: &Value) -> (String, Option<i32>) {
    let all = [&["explain", "--log-line"], arguments].concat();
    let output = run_with_input(&all, server.folder.path(), &line.to_string());
    let said = text(&output.stdout) + &text(&output.stderr);
    (said, output.status.code())
}

const CONFIG: [&str; 2] = ["--config", "portcullis.yaml"];

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_explained_by_what_the_line_has_of_it() {
    let mut server = Server::start(&Setup::default());
    let mut other = claims("alice", "orders.read");
    other["aud"] = "billing".into();
    let other = server.issuer.sign(&other);
    let mut stranger = claims("alice", "orders.read");
    stranger["iss"] = "https://other.example".into();
    let stranger = server.issuer.sign(&stranger);
    let asked = [
        ("/orders/1", Some(&*other)),
        ("/orders/1", Some(&*stranger)),
    ];
    let lines = lines(&mut server, &asked).await;
    let (said, code) = explained(&server, &CONFIG, &lines[0]);
    assert_eq!(code, Some(1), "{said}");
    for expected in [
        "\nrefused with 401 by the route `read-order` (bad_token, wrong_audience): the token is not acceptable\n",
        "  because   it is meant for another audience\n",
        "  aud       billing\n",
        "its `aud` is `billing`, and the `audiences` of `id.shop.example` are `orders-api`; ask the issuer",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("a token is required"), "{said}");
    // What another release says is wrong with it is not known, and it was refused all the same.
    let mut foreign = lines[0].clone();
    foreign["detail"] = "of_another_release".into();
    let (said, _) = explained(&server, &CONFIG, &foreign);
    let refused = "\nrefused with 401 by the route `read-order` (bad_token)\n";
    assert!(said.contains(refused), "{said}");
    let (said, _) = explained(&server, &CONFIG, &lines[1]);
    for expected in [
        "(bad_token, unknown_issuer)",
        "  iss       https://other.example\n",
        "`trust` lists `https://id.shop.example`",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    // Without a configuration nobody knows what was wanted.
    let (said, _) = explained(&server, &["--policy", "policy.yaml"], &lines[0]);
    assert!(said.contains("(bad_token, wrong_audience)"), "{said}");
    assert!(
        said.contains("`--config FILE` says what is wanted"),
        "{said}"
    );
    // A policy that asks for no token any more answers whatever token comes.
    let path = server.folder.path().join("policy.yaml");
    let policy = std::fs::read_to_string(&path).unwrap();
    let open = policy.replace("scopes: [orders.read]}", "access: public}");
    std::fs::write(&path, open).unwrap();
    let (said, code) = explained(&server, &CONFIG, &lines[0]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("\nallowed by the route `read-order`"),
        "{said}"
    );
}

/// The gate remembers of it what the log would have, also where nobody reads the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_explained_by_the_id_of_the_answer() {
    let server = Server::start(&Setup {
        extra: "log: {levels: {decision: none}}".to_owned(),
        ..Setup::default()
    });
    let mut other = claims("alice", "orders.read");
    other["aud"] = "billing".into();
    let client = Asker::connect(&server.authz_url()).await;
    let refused = client
        .ask("/orders/1", Some(&server.issuer.sign(&other)))
        .await;
    let body: Value = serde_json::from_str(&refused.body).unwrap();
    let id = body["decision_id"].as_str().unwrap();
    let address = server.admin_address().to_string();
    let arguments = ["explain", "--decision", id, "--address", &address];
    let output = run_with_input(
        &[&arguments[..], &CONFIG].concat(),
        server.folder.path(),
        "",
    );
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for expected in [
        "  aud       billing\n",
        "its `aud` is `billing`, and the `audiences` of `id.shop.example` are `orders-api`; ask the issuer",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_the_line_does_not_have_are_not_said_to_be_none() {
    let mut server = Server::start(&Setup::default());
    let token = server.issuer.token("alice", "orders.read");
    let lines = lines(&mut server, &[("/nothing", Some(&token))]).await;
    let (said, code) = explained(&server, &CONFIG, &lines[0]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("scopes that are not in the line"), "{said}");
    assert!(!said.contains("no scope"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_the_log_hides_is_explained_with_the_setting_that_lets_it_in() {
    let mut server = Server::start(&Setup::default());
    let asked = [
        ("/orders/1;v=1", None),
        ("/orders/1%3Fa", None),
        ("/orders/%252e;v=1", None),
    ];
    let lines = lines(&mut server, &asked).await;
    for (line, rule, setting) in [
        (
            &lines[0],
            "path_parameter",
            "`paths.path_parameters` of the policy",
        ),
        (
            &lines[1],
            "path_encoded_delimiter",
            "`paths.encoded_delimiters` of the policy",
        ),
    ] {
        let (said, code) = explained(&server, &CONFIG, line);
        assert_eq!(code, Some(1), "{said}");
        for expected in [
            rule,
            setting,
            "this policy decides the same",
            "the log hides what follows",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }
    let (said, code) = explained(&server, &CONFIG, &lines[2]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("path_double_encoding"), "{said}");
    // Where there is no path at all, the line itself says what it can.
    let mut without = lines[0].clone();
    without.as_object_mut().unwrap().remove("request.path");
    let (said, code) = explained(&server, &CONFIG, &without);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("`paths.path_parameters` of the policy lets it in"),
        "{said}"
    );
}

/// The claims are in no log, and the line says which of them was missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_could_not_be_evaluated_is_told_from_the_line() {
    let mut server = Server::start(&Setup {
        policy: Some(
            "version: 1\nroutes: [{name: tenant, methods: [GET], path: \"/{tenant}\", access: authenticated, \
             when: token.tenant == path.tenant}]\n"
                .to_owned(),
        ),
        ..Setup::default()
    });
    let without = server.issuer.sign(&claims("alice", "orders.read"));
    let mut other = claims("alice", "orders.read");
    other["tenant"] = "green".into();
    let other = server.issuer.sign(&other);
    let asked = [("/blue", Some(&*without)), ("/blue", Some(&*other))];
    let lines = lines(&mut server, &asked).await;
    for (line, expected) in [
        (
            &lines[0],
            "\nthen: `token.tenant == path.tenant` could not be evaluated: `token.tenant` was missing\n",
        ),
        (
            &lines[1],
            "\nthen: `token.tenant == path.tenant` did not hold\n",
        ),
    ] {
        let (said, _) = explained(&server, &CONFIG, line);
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requirement_and_a_lifetime_are_told_without_what_the_token_has() {
    let mut server = Server::start(&Setup {
        trust: Some(format!(
            "{{name: keycloak, issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], jwks_file: jwks.json, \
             require: {{typ: Bearer}}, max_lifetime_seconds: 3600}}"
        )),
        ..Setup::default()
    });
    let signed = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims("alice", "orders.read");
        change(&mut claims);
        server.issuer.sign(&claims)
    };
    let none = signed(&|_| {});
    let other = signed(&|claims| claims["typ"] = "private".into());
    let long = signed(&|claims| {
        claims["typ"] = "Bearer".into();
        claims["exp"] = (claims["iat"].as_i64().unwrap() + 7200).into();
    });
    let asked = [&none, &other, &long].map(|token| ("/orders/1", Some(token.as_str())));
    let lines = lines(&mut server, &asked).await;
    for (line, name, expected) in [
        (
            &lines[0],
            "token.requirement",
            "`require.typ` of `keycloak` wants \"Bearer\", the token has none",
        ),
        (
            &lines[1],
            "token.requirement",
            "`require.typ` of `keycloak` wants \"Bearer\", the token has another value",
        ),
        (
            &lines[2],
            "token.lifetime",
            "`max_lifetime_seconds` is 3600, and the token lives 7200 seconds",
        ),
    ] {
        assert_eq!(line[name], expected);
        assert!(!line.to_string().contains("private"), "{line}");
        let (said, _) = explained(&server, &CONFIG, line);
        assert!(said.contains(expected), "{said}");
    }
}
