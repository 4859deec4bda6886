//! The yardsticks: the server that anybody would write first, with tonic and envoy-types. It
//! decodes each check and lets everything through, on a runtime of many threads or of one.

use std::net::Ipv4Addr;

use envoy_types::ext_authz::v3::CheckResponseExt;
use envoy_types::ext_authz::v3::pb::{
    Authorization, AuthorizationServer, CheckRequest, CheckResponse,
};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

struct AllowsAll;

#[tonic::async_trait]
impl Authorization for AllowsAll {
    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        Ok(Response::new(CheckResponse::with_status(Status::ok(
            "allowed",
        ))))
    }
}

/// Serves with the runtime that `#[tokio::main]` makes.
#[tokio::main]
pub(crate) async fn serve() {
    serve_on_this_runtime().await;
}

/// The same on one thread. It is the stronger yardstick where many checks are under way: what it
/// has answered goes out in one write.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn serve_on_one_thread() {
    serve_on_this_runtime().await;
}

/// Serves until a signal ends the process. Prints its address once it listens.
async fn serve_on_this_runtime() {
    // As `Server::serve` does it, but for the port.
    let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let incoming = incoming.with_nodelay(Some(true));
    println!("{}", incoming.local_addr().unwrap());
    let service = AuthorizationServer::new(AllowsAll);
    Server::builder()
        .add_service(service)
        .serve_with_incoming(incoming)
        .await
        .unwrap();
}
