//! A real Keycloak behind a real Envoy, with the entry and the policy of `docs/providers/keycloak.md`.

mod server;

use portcullis::cli::token::{Evidence, inspect};
use portcullis::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::client;
use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST};
use crate::providers::page::Page;
use crate::test_app::TestApp;
use crate::upstream::Upstream;
use server::{Keycloak, Tokens, service, user};

/// A realm as the page asks for it, and one whose clients lack the scope `basic`.
const REALMS: [&str; 2] = ["shop", "bare"];

struct Scene {
    keycloak: Keycloak,
    gates: Vec<TestApp>,
    envoy: Envoy,
    _upstream: Upstream,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_keycloak_holds_for_a_real_one() {
    let keycloak = tokio::task::spawn_blocking(Keycloak::start);
    let Some(keycloak) = keycloak.await.unwrap() else {
        return;
    };
    let scene = Scene::open(keycloak).await;
    scene.roles_and_groups_become_scopes().await;
    scene.services_are_let_in().await;
    scene.other_tokens_are_refused_and_explained().await;
    scene
        .tokens_without_a_subject_are_refused_and_explained()
        .await;
    scene.a_log_out_ends_the_session_and_not_the_token().await;
    scene
        .a_new_key_is_fetched_and_an_old_one_ends_its_tokens()
        .await;
}

impl Scene {
    async fn open(keycloak: Keycloak) -> Self {
        for realm in REALMS {
            keycloak
                .administer("POST", "", &representation(realm))
                .await;
        }
        remove_basic_scope(&keycloak, "bare").await;
        let gates: Vec<TestApp> = REALMS.map(|realm| gate(&keycloak, realm)).into();
        for gate in &gates {
            gate.admin_shows("/readyz", "ok").await;
        }
        let doors: Vec<Door> = REALMS
            .iter()
            .zip(&gates)
            .map(|(&realm, gate)| Door::new(realm, gate.app.authz_address(), HeaderEncoding::Raw))
            .collect();
        let upstream = Upstream::start().await;
        let envoy = Envoy::start(NEWEST, &doors, upstream.address).await;
        Self {
            keycloak,
            gates,
            envoy,
            _upstream: upstream,
        }
    }

    async fn ask(&self, realm: &str, token: &str) -> (u16, Value) {
        let header = format!("authorization: Bearer {token}");
        let answer = client::get(self.envoy.address(realm), "/orders/1", &[&header]).await;
        (answer.status, answer.json())
    }

    /// What `token inspect` says of a token of the realm `shop`, or of the other one.
    async fn explained(&self, realm: &str, token: &str) -> String {
        let position = REALMS.iter().position(|name| *name == realm).unwrap();
        let config = self.gates[position].folder.path().join("portcullis.yaml");
        let token = token.to_owned();
        let inspected = tokio::task::spawn_blocking(move || {
            let mut out = Vec::new();
            let evidence = Evidence::load(&config).unwrap();
            inspect(Some(&evidence), &token, SystemClock.now(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        });
        inspected.await.unwrap()
    }

    async fn roles_and_groups_become_scopes(&self) {
        for (name, status) in [("alice", 200), ("bob", 200), ("carol", 200), ("dave", 403)] {
            let tokens = self.keycloak.log_in("shop", "web-shop", name).await;
            let (answered, seen) = self.ask("shop", tokens.access()).await;
            assert_eq!(answered, status, "{name}: {seen}");
            if status == 200 {
                assert_eq!(seen["x-auth-client"], json!(["web-shop"]), "{name}");
                let scopes = seen["x-auth-scopes"][0].as_str().unwrap();
                assert!(
                    scopes.split(' ').any(|scope| scope == "orders.read"),
                    "{scopes}"
                );
            }
        }
    }

    async fn services_are_let_in(&self) {
        for realm in REALMS {
            let tokens = self.keycloak.client_credentials(realm, "batch").await;
            let (status, seen) = self.ask(realm, tokens.access()).await;
            assert_eq!(status, 200, "{realm}: {seen}");
            assert_eq!(seen["x-auth-client"], json!(["batch"]));
        }
    }

    async fn refuses(&self, realm: &str, token: &str, expected: &str) {
        let (status, answer) = self.ask(realm, token).await;
        assert_eq!(status, 401, "{answer}");
        let told = self.explained(realm, token).await;
        assert!(told.contains("\nrefused: "), "{told}");
        assert!(told.contains(expected), "{told}");
    }

    async fn other_tokens_are_refused_and_explained(&self) {
        let tokens = self.keycloak.log_in("shop", "web-shop", "alice").await;
        // Its audience is right: only its type tells.
        let id_token = "this is an ID token";
        self.refuses("shop", tokens.id(), id_token).await;
        let other = self.keycloak.log_in("shop", "billing", "alice").await;
        let mapper = "at Keycloak: add an audience mapper for `orders-api` to the client `billing`";
        self.refuses("shop", other.access(), mapper).await;
        let other = self.keycloak.client_credentials("bare", "batch").await;
        let realm = "at Keycloak: the token is of another realm";
        self.refuses("shop", other.access(), realm).await;
    }

    async fn tokens_without_a_subject_are_refused_and_explained(&self) {
        let tokens = self.keycloak.log_in("bare", "web-shop", "alice").await;
        let basic = "at Keycloak: assign the client scope `basic`";
        self.refuses("bare", tokens.access(), basic).await;
    }

    async fn a_log_out_ends_the_session_and_not_the_token(&self) {
        let tokens = self.keycloak.log_in("shop", "web-shop", "alice").await;
        let refreshed = self.keycloak.log_out("shop", "web-shop", &tokens).await;
        assert_eq!(refreshed, 400, "the session has ended");
        assert_eq!(self.ask("shop", tokens.access()).await.0, 200);
    }

    async fn a_new_key_is_fetched_and_an_old_one_ends_its_tokens(&self) {
        let old = self.keycloak.log_in("shop", "web-shop", "alice").await;
        self.keycloak
            .administer("POST", "/shop/components", &key("200"))
            .await;
        let new = self.keycloak.log_in("shop", "web-shop", "alice").await;
        self.comes_to("shop", &new, 200).await;
        assert_eq!(self.ask("shop", old.access()).await.0, 200);
        let query = "/shop/components?type=org.keycloak.keys.KeyProvider&name=rsa-generated";
        let components = self.keycloak.administer("GET", query, &Value::Null).await;
        let first = format!("/shop/components/{}", components[0]["id"].as_str().unwrap());
        self.keycloak
            .administer("DELETE", &first, &Value::Null)
            .await;
        self.comes_to("shop", &old, 401).await;
        assert_eq!(self.ask("shop", new.access()).await.0, 200);
    }

    /// Asks until the keys have been fetched again, which happens each second.
    async fn comes_to(&self, realm: &str, tokens: &Tokens, status: u16) {
        let patience = std::time::Duration::from_mins(1);
        let waiting = async { while self.ask(realm, tokens.access()).await.0 != status {} };
        let came = tokio::time::timeout(patience, waiting).await;
        assert!(came.is_ok(), "never answered with {status}");
    }
}

/// A gate with the page's entry, whose provider is this one.
fn gate(keycloak: &Keycloak, realm: &str) -> TestApp {
    let mut page = Page::read("keycloak");
    let documented = "https://sso.shop.example/realms/shop";
    assert!(page.trust.contains(documented));
    page.trust = page.trust.replace(documented, &keycloak.issuer(realm));
    // The rotation of keys is not to take minutes.
    page.trust
        .push_str("    jwks_refresh_seconds: 1\n    jwks_cooldown_seconds: 1\n");
    TestApp::prepared(&page.setup(), |folder| {
        page.put_trust_into(folder);
    })
}

fn mapper(name: &str, kind: &str, config: &Value) -> Value {
    json!({"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config})
}

/// A realm with a user for each way to a scope, set up as the page says.
fn representation(realm: &str) -> Value {
    // Into ID tokens as well, the worst case.
    let audience = json!({
        "included.client.audience": "orders-api", "access.token.claim": "true", "id.token.claim": "true",
    });
    let groups = json!({
        "claim.name": "groups", "full.path": "true", "access.token.claim": "true",
    });
    let audience = mapper("audience", "oidc-audience-mapper", &audience);
    let groups = mapper("groups", "oidc-group-membership-mapper", &groups);
    let person = |name: &str, mappers: Value| {
        json!({
            "clientId": name, "publicClient": true, "directAccessGrantsEnabled": true,
            "standardFlowEnabled": false, "protocolMappers": mappers,
        })
    };
    json!({
        "realm": realm, "enabled": true, "sslRequired": "none",
        "roles": {
            "realm": [{"name": "orders.read"}],
            "client": {"orders-api": [{"name": "orders.read"}]},
        },
        "groups": [{"name": "Shop Staff"}],
        "clients": [
            {"clientId": "orders-api", "bearerOnly": true},
            person("web-shop", json!([audience, groups])),
            person("billing", json!([])),
            service("batch", &json!([audience])),
        ],
        "users": [
            user("alice", &json!({"realmRoles": ["orders.read"]})),
            user("bob", &json!({"clientRoles": {"orders-api": ["orders.read"]}})),
            user("carol", &json!({"groups": ["/Shop Staff"]})),
            user("dave", &json!({})),
            {
                "username": "service-account-batch", "enabled": true,
                "serviceAccountClientId": "batch", "realmRoles": ["orders.read"],
            },
        ],
    })
}

async fn remove_basic_scope(keycloak: &Keycloak, realm: &str) {
    let path = format!("/{realm}/client-scopes");
    let scopes = keycloak.administer("GET", &path, &Value::Null).await;
    let mut scopes = scopes.as_array().unwrap().iter();
    let basic = scopes.find(|scope| scope["name"] == "basic").unwrap();
    let path = format!("{path}/{}", basic["id"].as_str().unwrap());
    keycloak.administer("DELETE", &path, &Value::Null).await;
}

/// A key of this priority: the highest one signs.
fn key(priority: &str) -> Value {
    json!({
        "name": "rotated", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
        "config": {
            "priority": [priority], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"],
        },
    })
}
