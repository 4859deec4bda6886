//! `/portal/try`: calls that the portal sends for its users, and none that it must not send.

mod answers;
mod bounds;
mod calls;
mod commands;
mod described;
mod tokens;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{client, element, form, new_app, next, page, send, sign_up, with_clock_and};
use crate::client::Answer;
use crate::test_browser::{TestBrowser, TestForm, encode};
use crate::test_companion::{PASSWORD, TestClient, TestCompanion};
use crate::upstream::Upstream;

const PATH: &str = "/portal/try";

/// A companion whose proxy is a server that repeats what it gets, and lets everything through.
async fn with_proxy(keys: &str) -> (TestCompanion, Upstream) {
    let upstream = Upstream::start().await;
    let keys = format!(
        ", portal: {{proxy: {{url: \"http://{}\"}}}}{keys}",
        upstream.address
    );
    (TestCompanion::with_issuer_keys(&keys).await, upstream)
}

/// An app of somebody who is logged in.
async fn app_of(browser: &mut TestBrowser<'_>, name: &str) -> TestClient {
    let filled = new_app(browser, name).await;
    client(&send(browser, &filled).await)
}

/// The form of an operation, filled in for a caller.
async fn call(browser: &mut TestBrowser<'_>, operation: &str, caller: &str) -> TestForm {
    let empty = page(browser, &format!("{PATH}?operation={operation}")).await;
    form(&empty, PATH).with("caller", caller)
}

/// The same for an app, which reads an order.
async fn read_order(browser: &mut TestBrowser<'_>, app: &TestClient) -> TestForm {
    let caller = format!("app:{}", app.key);
    let filled = call(browser, "read-order", &caller).await;
    filled
        .with("secret", &app.secret)
        .with("method", "GET")
        .with("p:order_id", "1")
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The token with which a request arrived.
fn token_of(seen: &crate::upstream::Seen) -> String {
    let mut headers = seen.headers.iter();
    let found = headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let (_, value) = found.unwrap_or_else(|| panic!("{seen:?}"));
    value.strip_prefix("Bearer ").unwrap().to_owned()
}
