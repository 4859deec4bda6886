//! What is sent and what is trusted: a key, its tokens, the check of one request as Envoy 1.40
//! sends it, and the files that a gate is started with.

use std::path::{Path, PathBuf};

use portcullis::clock::{Clock, SystemClock};
#[cfg(feature = "issuer")]
use portcullis::store::{Store, StoreLocation};
use serde_json::{Value, json};

use crate::es256::{self, Es256Key};

pub(crate) const ISSUER: &str = "https://id.shop.example";
pub(crate) const AUDIENCE: &str = "orders-api";
pub(crate) const KEY_ID: &str = "2026-07-signing";

/// The length of every token, in bytes.
pub(crate) const TOKEN_BYTES: usize = 550;

/// The policy of a small shop; the measured requests fall under `read-order` and `browse-products`.
pub(crate) const POLICY: &str = "\
version: 1
scopes:
  orders.read: Read orders
  orders.write: Place and change orders
routes:
  - name: browse-products
    methods: [GET]
    path: /products/{id}
    access: public
  - name: read-order
    methods: [GET]
    path: /orders/{order_id}
    scopes: [orders.read]
  - name: place-order
    methods: [POST]
    path: /orders
    scopes: [orders.write]
  - name: my-account
    methods: [GET, PUT]
    path: /account
    access: authenticated
  - name: internals
    methods: ['*']
    path: /internal/{*rest}
    access: nobody
";

/// The subject of every token.
pub(crate) const SUBJECT: &str = "0f3c6a5e-6b57-4f0a-9d43-2f6f6f3f7a10";

/// The same policy with a condition on `read-order`: only the caller that its path names.
pub(crate) fn policy_with_owner() -> String {
    let scopes = "    scopes: [orders.read]\n";
    let owner = format!("{scopes}    when: token.sub == path.order_id\n");
    POLICY.replace(scopes, &owner)
}

/// Further settings of the issuer.
const LARGE_TOKENS: &str = "    max_token_bytes: 61440
    claims: {scopes: [scope, roles]}
";

/// Signs tokens with ES256, and lists its public key.
pub(crate) struct Issuer {
    key: Es256Key,
    issued_at: i64,
}

impl Issuer {
    /// An issuer with a new key.
    pub(crate) fn new() -> Self {
        Self {
            key: Es256Key::generate(),
            issued_at: SystemClock.now().0 - 60,
        }
    }

    /// The uncompressed point of the public key.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.key.point()
    }

    /// The public key as a JWKS (RFC 7517 section 5).
    pub(crate) fn jwks(&self) -> String {
        json!({"keys": [self.key.jwk(KEY_ID)]}).to_string()
    }

    /// A good token; another number gives another token of the same length.
    pub(crate) fn token(&self, number: usize) -> String {
        let token = self.key.sign(&self.signed_part(number, KEY_ID, ISSUER));
        assert_eq!(token.len(), TOKEN_BYTES);
        token
    }

    /// A good token with this claim beside the others; another number gives another token of the same
    /// length.
    pub(crate) fn token_with(&self, number: usize, (name, value): (&str, Value)) -> String {
        let mut claims = self.claims(number, ISSUER);
        claims[name] = value;
        self.key.sign(&es256::signed_part(&header(KEY_ID), &claims))
    }

    /// Header and claims of a token, with the dot between them.
    pub(crate) fn signed_part(&self, number: usize, key_id: &str, issuer: &str) -> String {
        es256::signed_part(&header(key_id), &self.claims(number, issuer))
    }

    fn claims(&self, number: usize, issuer: &str) -> Value {
        json!({
            "iss": issuer,
            "sub": SUBJECT,
            "aud": AUDIENCE,
            "client_id": "web-shop-frontend",
            "iat": self.issued_at,
            "exp": self.issued_at + 3600,
            "jti": format!("7d1f0c52-9a64-4c1b-8f0e-{number:012}"),
            "scope": "orders.read orders.write",
            "name": "Alice Example of Orders and Deliveries+",
        })
    }
}

fn header(key_id: &str) -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": key_id})
}

/// The folder of a run, with the files that gates are started with.
pub(crate) struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    /// Writes policy, keys and configuration. Every port is 0.
    pub(crate) fn write(issuer: &Issuer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        put("policy.yaml", POLICY);
        put("jwks.json", &issuer.jwks());
        put("portcullis.yaml", &config(""));
        put("large.yaml", &config(LARGE_TOKENS));
        Self { folder }
    }

    /// The configuration of a gate.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("portcullis.yaml")
    }

    /// The configuration of a gate that takes tokens as large as they can be, and scopes of roles.
    pub(crate) fn config_for_large_tokens(&self) -> PathBuf {
        self.path("large.yaml")
    }

    /// A place for another file of the run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Does something with the store of this name, which is closed behind it.
#[cfg(feature = "issuer")]
pub(crate) fn with_store<T>(name: &str, work: impl AsyncFnOnce(&Store) -> T) -> T {
    let location = StoreLocation::parse(name, "/".as_ref()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Store::open(&location).await.unwrap();
        let done = work(&store).await;
        store.close().await;
        done
    })
}

/// Everything at its default but the ports, the end, and the form of the log, which is read.
fn config(trust: &str) -> String {
    format!(
        "version: 1
policy: [policy.yaml]
drain_seconds: 0
listeners:
  authz: {{address: 127.0.0.1:0}}
  admin: {{address: 127.0.0.1:0}}
trust:
  - issuer: {ISSUER}
    audiences: [{AUDIENCE}]
    algorithms: [ES256]
    jwks_file: jwks.json
{trust}log: {{format: json}}
"
    )
}
