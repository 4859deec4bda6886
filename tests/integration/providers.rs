//! The pages of `docs/providers`: the entry of each loads, its provider's tokens pass, and those that only
//! look like them do not.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use portcullis::clock::{Clock, SystemClock};

use crate::asker::Asker;
use crate::test_app::{Setup, TestApp};

/// A page with a token that passes, and changes to it of which each makes it one that does not.
struct Page {
    name: &'static str,
    issuer: &'static str,
    right: Value,
    wrong: Vec<(&'static str, Value, i32)>,
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn pages() -> Vec<Page> {
    vec![
        Page {
            name: "keycloak",
            issuer: "https://sso.shop.example/realms/shop",
            right: json!({
                "sub": "f3a1c6a0", "typ": "Bearer", "azp": "web-shop", "sid": "s-1",
                "aud": ["orders-api", "account"], "scope": "openid email orders.read",
                "realm_access": {"roles": ["offline_access"]}, "groups": ["/Shop Staff"],
            }),
            wrong: vec![
                ("an ID token", json!({"typ": "ID", "nonce": "n"}), 401),
                ("no audience mapper", json!({"aud": "account"}), 401),
                ("another client's API", json!({"aud": ["billing-api"]}), 401),
                (
                    "another realm",
                    json!({"iss": "https://sso.shop.example/realms/other"}),
                    401,
                ),
                (
                    "nothing granted",
                    json!({"scope": "openid", "groups": ["/Others"]}),
                    403,
                ),
            ],
        },
        Page {
            name: "auth0",
            issuer: "https://shop.eu.auth0.com/",
            right: json!({
                "sub": "auth0|0001", "azp": "abcDEF", "scope": "openid read:orders",
                "aud": ["https://api.shop.example", "https://shop.eu.auth0.com/userinfo"],
                "permissions": ["read:orders"],
            }),
            wrong: vec![
                (
                    "an ID token",
                    json!({"aud": "abcDEF", "permissions": null}),
                    401,
                ),
                (
                    "another tenant",
                    json!({"iss": "https://other.eu.auth0.com/"}),
                    401,
                ),
                (
                    "without the slash",
                    json!({"iss": "https://shop.eu.auth0.com"}),
                    401,
                ),
                ("asked for, not permitted", json!({"permissions": []}), 403),
            ],
        },
        Page {
            name: "okta",
            issuer: "https://shop.okta.com/oauth2/default",
            right: json!({
                "sub": "alice@shop.example", "aud": "api://default", "cid": "0oaClient",
                "scp": ["openid"], "groups": ["Everyone else", "Domain Users"],
            }),
            wrong: vec![
                ("an ID token", json!({"aud": "0oaClient", "scp": null}), 401),
                (
                    "another server",
                    json!({"iss": "https://shop.okta.com/oauth2/other"}),
                    401,
                ),
                ("another group", json!({"groups": ["Everyone else"]}), 403),
            ],
        },
        Page {
            name: "entra",
            issuer: "https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0",
            right: json!({
                "sub": "pairwise-1", "aud": "66666666-7777-4888-8999-000000000000",
                "tid": "11111111-2222-4333-8444-555555555555", "ver": "2.0", "idtyp": "app",
                "azp": "aaaaaaaa-0000-4000-8000-000000000001", "roles": ["Orders.Read.All"],
            }),
            wrong: vec![
                (
                    "another client",
                    json!({"azp": "aaaaaaaa-0000-4000-8000-000000000003"}),
                    401,
                ),
                (
                    "another tenant",
                    json!({"tid": "99999999-2222-4333-8444-555555555555"}),
                    401,
                ),
                (
                    "another API",
                    json!({"aud": "77777777-7777-4888-8999-000000000000"}),
                    401,
                ),
                ("no role", json!({"roles": null, "scp": "User.Read"}), 403),
            ],
        },
        Page {
            name: "cognito",
            issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example",
            right: json!({
                "sub": "aaaaaaaa", "client_id": "1example23456789", "token_use": "access",
                "scope": "orders/read", "username": "alice", "aud": null,
            }),
            wrong: vec![
                (
                    "an ID token",
                    json!({"token_use": "id", "client_id": null, "aud": "1example23456789"}),
                    401,
                ),
                ("an ID token with a client", json!({"token_use": "id"}), 401),
                ("another client", json!({"client_id": "2other"}), 401),
                ("another scope", json!({"scope": "orders/write"}), 403),
            ],
        },
        Page {
            name: "google",
            issuer: "https://accounts.google.com",
            right: json!({
                "sub": "1122334455", "aud": "123.apps.googleusercontent.com",
                "azp": "123.apps.googleusercontent.com", "hd": "shop.example",
                "email": "alice@shop.example", "email_verified": true,
            }),
            wrong: vec![
                ("a private account", json!({"hd": null}), 401),
                (
                    "another organisation",
                    json!({"hd": "shop.example.evil"}),
                    401,
                ),
                (
                    "another app",
                    json!({"aud": "456.apps.googleusercontent.com"}),
                    401,
                ),
                (
                    "an address that nobody verified",
                    json!({"email_verified": false}),
                    401,
                ),
            ],
        },
        Page {
            name: "firebase",
            issuer: "https://securetoken.google.com/shop-prod",
            right: json!({
                "sub": "u1", "aud": "shop-prod", "user_id": "u1", "admin": true,
                "firebase": {"identities": {}, "sign_in_provider": "password"},
            }),
            wrong: vec![
                ("another project", json!({"aud": "shop-test"}), 401),
                ("no custom claim", json!({"admin": null}), 403),
                ("a claim that is false", json!({"admin": false}), 403),
            ],
        },
        Page {
            name: "zitadel",
            issuer: "https://id.shop.example",
            right: json!({
                "sub": "163", "aud": ["281"], "client_id": "web",
                "urn:zitadel:iam:org:project:roles": {"shopper": {"1": "shop.example"}},
            }),
            wrong: vec![
                ("another project", json!({"aud": ["282"]}), 401),
                (
                    "another role",
                    json!({"urn:zitadel:iam:org:project:roles": {"guest": {}}}),
                    403,
                ),
            ],
        },
        Page {
            name: "pingam",
            issuer: "https://openam.shop.example/oauth2/realms/root",
            right: json!({
                "sub": "alice", "aud": "orders-api", "tokenName": "access_token",
                "grant_type": "client_credentials", "scope": ["orders:read"], "realm": "/",
            }),
            wrong: vec![
                ("an ID token", json!({"tokenName": "id_token"}), 401),
                (
                    "another realm",
                    json!({"iss": "https://openam.shop.example/oauth2/realms/x"}),
                    401,
                ),
                ("another scope", json!({"scope": ["profile"]}), 403),
            ],
        },
        Page {
            name: "kubernetes",
            issuer: "https://kubernetes.default.svc.cluster.local",
            right: json!({
                "sub": "system:serviceaccount:shop:batch", "aud": ["orders-api"],
                "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "batch"}},
            }),
            wrong: vec![
                (
                    "another namespace",
                    json!({"sub": "system:serviceaccount:default:batch"}),
                    401,
                ),
                (
                    "another account",
                    json!({"sub": "system:serviceaccount:shop:web"}),
                    403,
                ),
                (
                    "the API server's own audience",
                    json!({"aud": ["https://kubernetes"]}),
                    401,
                ),
            ],
        },
        Page {
            name: "github-actions",
            issuer: "https://token.actions.githubusercontent.com",
            right: json!({
                "sub": "repo:shop-org/orders:ref:refs/heads/main", "aud": "orders-api",
                "repository": "shop-org/orders", "ref": "refs/heads/main", "event_name": "push",
            }),
            wrong: vec![
                (
                    "another repository",
                    json!({"repository": "mallory/orders"}),
                    401,
                ),
                ("another branch", json!({"ref": "refs/heads/x"}), 401),
                (
                    "another API",
                    json!({"aud": "https://github.com/shop-org"}),
                    401,
                ),
            ],
        },
        Page {
            name: "portcullis",
            issuer: "https://id.shop.example",
            right: json!({
                "sub": "4ksCb5fbaCDG0XIELgKHnF", "aud": ["orders-api"], "client_id": "5jTyNg4m",
                "scope": "orders.read", "rev": 0,
            }),
            wrong: vec![
                (
                    "a login's token for the issuer",
                    json!({"aud": "https://id.shop.example"}),
                    401,
                ),
                ("another scope", json!({"scope": "orders.write"}), 403),
            ],
        },
    ]
}

#[tokio::test]
async fn the_entry_of_each_provider_lets_in_its_tokens_and_no_others() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers");
    let pages = pages();
    let index = fs::read_to_string(docs.join("README.md")).unwrap();
    assert_eq!(
        index.matches(".md)").count(),
        pages.len(),
        "every page is tested"
    );
    for page in pages {
        assert!(
            index.contains(&format!("({}.md)", page.name)),
            "{}",
            page.name
        );
        let text = fs::read_to_string(docs.join(page.name).with_extension("md")).unwrap();
        judge(&page, &text).await;
    }
}

async fn judge(page: &Page, text: &str) {
    let trust = with_our_keys(block(text, "trust:\n"));
    let setup = Setup {
        policy: Some(block(text, "version: 1\n").to_owned()),
        trust: Some("{}".to_owned()),
        ..Setup::default()
    };
    let app = TestApp::prepared(&setup, |folder| {
        let path = folder.join("portcullis.yaml");
        let config = fs::read_to_string(&path).unwrap();
        assert!(config.contains("trust: [{}]\n"), "{config}");
        fs::write(&path, config.replace("trust: [{}]\n", &trust)).unwrap();
    });
    let asker = Asker::connect(&app.authz_url()).await;
    let now = SystemClock.now().0;
    let ask = async |changes: &Value| {
        let mut claims = json!({"iss": page.issuer, "iat": now - 5, "exp": now + 300, "jti": "j"});
        for (name, value) in [&page.right, changes].into_iter().flat_map(members) {
            claims[name] = value.clone();
        }
        let token = app.issuer.sign(&claims);
        asker.ask("/orders/1", Some(&token)).await.status
    };
    assert_eq!(ask(&json!({})).await, 200, "{}", page.name);
    for (what, changes, status) in &page.wrong {
        assert_eq!(ask(changes).await, *status, "{}: {what}", page.name);
    }
}

fn members(claims: &Value) -> impl Iterator<Item = (&String, &Value)> {
    claims.as_object().unwrap().iter()
}

/// The first block of YAML that begins so.
fn block<'t>(page: &'t str, begin: &str) -> &'t str {
    let mut blocks = page.split("```yaml\n").skip(1);
    let block = blocks.find(|block| block.starts_with(begin)).unwrap();
    block.split("```").next().unwrap()
}

/// The entry with the keys and the algorithm of the issuer that stands in for the provider.
fn with_our_keys(trust: &str) -> String {
    let line = |line: &str| {
        let key = line.trim_start();
        let indent = &line[..line.len() - key.len()];
        if key.starts_with("jwks_uri:") || key.starts_with("jwks_file:") {
            format!("{indent}jwks_file: jwks.json\n")
        } else if key.starts_with("algorithms:") {
            format!("{indent}algorithms: [ES256]\n")
        } else {
            format!("{line}\n")
        }
    };
    trust.lines().map(line).collect()
}
