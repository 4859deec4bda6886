//! The pages of `docs/providers`, behind one real Envoy: the entry of each page loads, tokens of its
//! provider pass, and those that only look like them do not. `token inspect` explains each refusal in
//! the provider's words.

pub(crate) mod page;
mod people;
mod workloads;

use std::fs;
use std::path::Path;

use portcullis::cli::token::{Evidence, inspect};
use portcullis::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST};
use crate::foreign_issuer::{ForeignKey, changed, key_set, times};
use crate::test_app::{TestApp, write_files};
use crate::test_issuer::TestIssuer;
use crate::upstream::Upstream;
use page::Page;

/// A page, a token that passes, and changes to that token with what becomes of it.
struct Case {
    /// The page's file.
    page: &'static str,
    /// Members of the header besides `kid`.
    header: Value,
    /// Members of the public key besides `kid`.
    key: Value,
    /// The claims besides the times.
    right: Value,
    changes: Vec<Change>,
}

/// What differs from the right token, the claims that differ, the status, and for a refused token a part
/// of the explanation.
type Change = (&'static str, Value, u16, &'static str);

fn cases() -> Vec<Case> {
    people::cases()
        .into_iter()
        .chain(workloads::cases())
        .collect()
}

impl Case {
    fn key(&self) -> &'static ForeignKey {
        ForeignKey::of(self.header["alg"].as_str().unwrap())
    }

    fn token(&self, changes: &Value) -> String {
        let header = changed(&self.header, &json!({"kid": "provider-key"}));
        let claims = changed(&self.right, &times());
        self.key().sign(&header, &changed(&claims, changes))
    }

    fn write_keys(&self, folder: &Path) {
        let members = changed(&self.key, &json!({"kid": "provider-key"}));
        let keys = key_set(&[self.key().jwk(&members)]);
        for name in ["jwks.json", "cluster-jwks.json"] {
            fs::write(folder.join(name), &keys).unwrap();
        }
    }
}

#[test]
fn every_page_of_the_index_is_tested() {
    let index = fs::read_to_string(page::folder().join("README.md")).unwrap();
    let cases = cases();
    assert_eq!(index.matches(".md)").count(), cases.len());
    for case in cases {
        let link = format!("({}.md)", case.page);
        assert!(index.contains(&link), "{link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_lets_in_tokens_of_its_provider_and_no_others() {
    let cases = cases();
    let gates: Vec<TestApp> = cases.iter().map(gate).collect();
    let upstream = Upstream::start().await;
    let doors = cases.iter().zip(&gates);
    let doors: Vec<Door> = doors
        .map(|(case, gate)| Door::new(case.page, gate.app.authz_address(), HeaderEncoding::Raw))
        .collect();
    let envoy = Envoy::start(NEWEST, &doors, upstream.address).await;
    let mut wrong = Vec::new();
    for case in &cases {
        let right = ("the right token", json!({}), 200, "");
        for (what, changes, status, _) in [right].iter().chain(&case.changes) {
            let answer = ask(&envoy, case, &case.token(changes)).await;
            if answer.status != *status {
                wrong.push(format!(
                    "{}: {what}: {status} expected, {answer:?}",
                    case.page
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn gate(case: &Case) -> TestApp {
    let page = Page::read(case.page).with_keys_from_a_file();
    TestApp::prepared(&page.setup(), |folder| {
        page.put_trust_into(folder);
        case.write_keys(folder);
    })
}

async fn ask(envoy: &Envoy, case: &Case, token: &str) -> Answer {
    let line = Page::read(case.page).line(token);
    client::get(envoy.address(case.page), "/orders/1", &[&line]).await
}

#[test]
fn each_refused_token_is_explained_in_the_words_of_its_provider() {
    let mut wrong = Vec::new();
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        let page = Page::read(case.page).with_keys_from_a_file();
        write_files(folder.path(), &page.setup(), &TestIssuer::new("key-1"));
        let config = page.put_trust_into(folder.path());
        case.write_keys(folder.path());
        let evidence = Evidence::load(&config).unwrap();
        for (what, changes, status, expected) in &case.changes {
            let mut out = Vec::new();
            let token = case.token(changes);
            inspect(Some(&evidence), &token, SystemClock.now(), &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let (_, told) = text.rsplit_once("\nclaims\n").unwrap_or(("", &text));
            let is_refused = told.contains("\nrefused: ");
            let is_explained = told.contains(expected) && (*status != 401 || !expected.is_empty());
            if is_refused != (*status == 401) || !is_explained {
                wrong.push(format!(
                    "{}: {what}: expected {expected:?} in\n{told}",
                    case.page
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
