//! A proxy that asks a gate wherever it listens, and what it is told.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower_service::Service;

use crate::test_tls;

/// A connection to a gate.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) channel: Channel,
    client: AuthorizationClient<Channel>,
}

/// An answer; status 200 and code 0 where it was allowed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) status: i32,
    pub(crate) code: i32,
    pub(crate) body: String,
    /// Of a denied answer for the caller, of an allowed one for the upstream.
    headers: Vec<(String, String)>,
}

impl Verdict {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Asker {
    pub(crate) async fn connect(url: &str) -> Self {
        let endpoint = Endpoint::from_shared(url.to_owned()).unwrap();
        Self::on(endpoint.connect().await.unwrap())
    }

    pub(crate) async fn connect_unix(path: PathBuf) -> Self {
        let endpoint = Endpoint::from_static("http://gate");
        let channel = endpoint.connect_with_connector(UnixConnector(path)).await;
        Self::on(channel.unwrap())
    }

    /// A connection with TLS; a refusal may come with the first question only.
    pub(crate) async fn connect_tls(
        address: SocketAddr,
        client: Arc<ClientConfig>,
    ) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_static("http://gate");
        let channel = endpoint
            .connect_with_connector(SecureConnector { address, client })
            .await;
        Ok(Self::on(channel?))
    }

    fn on(channel: Channel) -> Self {
        let client = AuthorizationClient::new(channel.clone());
        Self { channel, client }
    }

    /// Asks about `GET path`, with a token or without.
    pub(crate) async fn ask(&self, path: &str, token: Option<&str>) -> Verdict {
        self.ask_within(path, token, Duration::from_secs(30))
            .await
            .expect("a check never ends in a gRPC error")
    }

    /// The same with `grpc-timeout`; the client gives up by itself when it is over.
    pub(crate) async fn ask_within(
        &self,
        path: &str,
        token: Option<&str>,
        timeout: Duration,
    ) -> Result<Verdict, tonic::Status> {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let mut request = tonic::Request::new(message(path, authorization.as_deref()));
        request.set_timeout(timeout);
        let answer = self.client.clone().check(request).await?;
        Ok(verdict(answer.into_inner()))
    }

    /// Asks about an order until the issuer has answered about the key. Until then it is 503: a 401 would
    /// have a client throw a good token away.
    pub(crate) async fn ask_until_fetched(&self, token: &str) -> Result<Verdict, tonic::Status> {
        loop {
            let patience = Duration::from_secs(30);
            let answer = self.ask_within("/orders/1", Some(token), patience).await;
            if answer
                .as_ref()
                .map_or(true, |verdict| verdict.status != 503)
            {
                return answer;
            }
        }
    }

    /// Asks about a request as it is.
    pub(crate) async fn ask_http(&self, http: HttpRequest) -> Verdict {
        self.ask_message(check_request(http)).await
    }

    /// Sends a check as it is.
    pub(crate) async fn ask_message(&self, message: CheckRequest) -> Verdict {
        let answer = self.client.clone().check(message).await;
        verdict(answer.unwrap().into_inner())
    }

    /// The status for an `Authorization` header as it is.
    pub(crate) async fn status_of_credential(&self, authorization: &str) -> i32 {
        let request = message("/orders/1", Some(authorization));
        let answer = self.client.clone().check(request).await;
        verdict(answer.unwrap().into_inner()).status
    }
}

struct UnixConnector(PathBuf);

impl Service<http::Uri> for UnixConnector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<UnixStream>, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let path = self.0.clone();
        Box::pin(async move { Ok(TokioIo::new(UnixStream::connect(path).await?)) })
    }
}

struct SecureConnector {
    address: SocketAddr,
    client: Arc<ClientConfig>,
}

impl Service<http::Uri> for SecureConnector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let (address, client) = (self.address, Arc::clone(&self.client));
        Box::pin(async move { Ok(TokioIo::new(test_tls::connect(address, &client).await?)) })
    }
}

pub(crate) fn message(path: &str, authorization: Option<&str>) -> CheckRequest {
    let mut http = HttpRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        host: "shop.example".to_owned(),
        ..HttpRequest::default()
    };
    if let Some(authorization) = authorization {
        http.headers
            .insert("authorization".to_owned(), authorization.to_owned());
    }
    check_request(http)
}

fn check_request(http: HttpRequest) -> CheckRequest {
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            ..AttributeContext::default()
        }),
    }
}

pub(crate) fn verdict(answer: CheckResponse) -> Verdict {
    let code = answer.status.map_or(0, |status| status.code);
    match answer.http_response {
        Some(HttpResponse::DeniedResponse(denied)) => {
            assert_ne!(code, 0, "code 0 is an allow");
            let headers = denied
                .headers
                .into_iter()
                .filter_map(|option| option.header);
            Verdict {
                status: denied.status.unwrap().code,
                code,
                body: denied.body,
                headers: headers.map(|header| (header.key, header.value)).collect(),
            }
        }
        Some(HttpResponse::OkResponse(allowed)) => {
            assert_eq!(code, 0);
            let headers = allowed
                .headers
                .into_iter()
                .filter_map(|option| option.header);
            Verdict {
                status: 200,
                code,
                body: String::new(),
                headers: headers.map(|header| (header.key, header.value)).collect(),
            }
        }
        other => panic!("neither allowed nor denied: {other:?}"),
    }
}
