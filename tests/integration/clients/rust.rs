//! The crate `oauth2`: a token by client credentials, and its refresh.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;

use oauth2::basic::BasicClient;
use oauth2::{ClientId, ClientSecret, HttpRequest, HttpResponse, Scope, TokenResponse, TokenUrl};

use super::Scene;
use crate::client::{exchange, get};

#[tokio::test]
async fn the_client_in_rust_is_served() {
    let scene = Scene::open().await;
    let address = scene.companion.address;
    let http = move |request| send(address, request);
    let url = TokenUrl::new(format!("http://{address}/authorization/token"));
    let client = BasicClient::new(ClientId::new(scene.app.key.clone()))
        .set_client_secret(ClientSecret::new(scene.app.secret.clone()))
        .set_token_uri(url.unwrap());
    let wanted = Scope::new("orders.read".to_owned());
    let first = client
        .exchange_client_credentials()
        .add_scope(wanted.clone())
        .request_async(&http)
        .await
        .unwrap();
    let second = client
        .exchange_refresh_token(first.refresh_token().unwrap())
        .request_async(&http)
        .await
        .unwrap();
    assert_eq!(second.scopes().unwrap(), &[wanted]);
    let bearer = format!("authorization: Bearer {}", second.access_token().secret());
    let answer = get(scene.envoy.address("door"), "/orders/1", &[&bearer]).await;
    assert_eq!(answer.status, 200);
}

/// The library leaves the transport to its users.
async fn send(address: SocketAddr, request: HttpRequest) -> Result<HttpResponse, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let length = body.len();
    let mut text = format!(
        "{} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\
         connection: close\r\n",
        head.method
    );
    for (name, value) in &head.headers {
        write!(text, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
    }
    let bytes = [text.as_bytes(), b"\r\n", &body].concat();
    let answer = exchange(address, &bytes).await;
    let response = http::Response::builder()
        .status(answer.status)
        .header("content-type", answer.header("content-type").unwrap())
        .body(answer.body.into_bytes());
    Ok(response.unwrap())
}
