//! Processor time per request of the gate behind a real Envoy, with the sample configuration.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::fixture::{Files, Issuer};
use crate::process::processor_time;
use crate::server::{Kind, Server, Under, terminate};
use crate::table::{Goal, Table};

const ENVOY: &str = ".tools/envoy-1.40.0/envoy/_bin/envoy";
const WARM_UP: usize = 2_000;
const REQUESTS: usize = 20_000;
const CONNECTIONS: usize = 16;
const ATTEMPTS: usize = 100;

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, issuer: &Issuer, files: &Files) {
    let what = "behind Envoy 1.40, cached proof and scope";
    let Some(binary) = install() else {
        table.skip(what, "scripts/install-tools could not install Envoy");
        return;
    };
    let config = files.config();
    let gate = Server::start(Kind::Portcullis(&config), &Under::Nothing);
    let mut of = f64::NAN;
    for (name, kind) in [
        ("no-op server", Kind::NoOp),
        ("no-op server on one thread", Kind::NoOpOnOneThread),
    ] {
        let server = Server::start(kind, &Under::Nothing);
        of = behind_envoy(server, &binary, issuer, files);
        table.add(
            &format!("behind Envoy 1.40, {name}"),
            of,
            "µs CPU",
            Goal::None,
        );
    }
    let value = behind_envoy(gate, &binary, issuer, files);
    table.add(what, value, "µs CPU", Goal::Ratio { of, most: 0.8 });
}

/// The Envoy that the tests run; installed if it is not there yet.
fn install() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binary = root.join(ENVOY);
    if !binary.exists() {
        Command::new(root.join("scripts/install-tools"))
            .stdout(Stdio::null())
            .status()
            .ok()?;
    }
    binary.exists().then_some(binary)
}

fn behind_envoy(server: Server, binary: &Path, issuer: &Issuer, files: &Files) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let time = runtime.block_on(async {
        let upstream = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let upstream_port = upstream.local_addr().unwrap().port();
        tokio::spawn(serve_upstream(upstream));
        let envoy = Envoy::start(binary, server.address.port(), upstream_port, files);
        envoy.wait().await;
        let request = request(&issuer.token(0));
        run(envoy.address, &request, WARM_UP).await;
        let before = processor_time(server.id());
        run(envoy.address, &request, REQUESTS).await;
        (processor_time(server.id()) - before) / REQUESTS as f64
    });
    server.stop();
    time
}

/// A running Envoy, ended when dropped.
struct Envoy {
    child: Child,
    address: SocketAddr,
}

impl Envoy {
    fn start(binary: &Path, gate_port: u16, upstream_port: u16, files: &Files) -> Self {
        let [front, admin] = free_ports();
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/envoy.yaml");
        let mut config = std::fs::read_to_string(sample).unwrap();
        let ports = [
            (10000, front),
            (9901, admin),
            (9191, gate_port),
            (3000, upstream_port),
        ];
        for (sample, port) in ports {
            let (sample, port) = (
                format!("port_value: {sample}"),
                format!("port_value: {port}"),
            );
            assert!(
                config.contains(&sample),
                "config/envoy.yaml has no `{sample}`"
            );
            config = config.replace(&sample, &port);
        }
        let path = files.path("envoy.yaml");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(binary);
        command.arg("-c").arg(path);
        command.args(["--disable-hot-restart", "--concurrency", "1", "-l", "error"]);
        // Its access log, a line for each request.
        command.stdout(Stdio::null());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, front));
        Self {
            child: command.spawn().unwrap(),
            address,
        }
    }

    /// Waits until it listens.
    async fn wait(&self) {
        for _ in 0..ATTEMPTS {
            if TcpStream::connect(self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("Envoy does not listen");
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        terminate(&mut self.child);
    }
}

/// Ports that were free a moment ago: Envoy cannot say which it took.
fn free_ports() -> [u16; 2] {
    let sockets = [(); 2].map(|()| StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}

fn request(token: &str) -> String {
    format!(
        "GET /orders/8c1d7b3e?expand=lines&currency=EUR HTTP/1.1\r\nhost: api.shop.example\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
         accept: application/json, text/plain, */*\r\naccept-language: en-GB,en;q=0.7,de;q=0.3\r\n\
         accept-encoding: gzip, deflate, br, zstd\r\norigin: https://www.shop.example\r\n\
         referer: https://www.shop.example/orders\r\nsec-fetch-dest: empty\r\n\
         sec-fetch-mode: cors\r\nsec-fetch-site: same-site\r\ncache-control: no-cache\r\n\
         traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
         authorization: Bearer {token}\r\n\r\n"
    )
}

/// Sends so many requests, over a few connections, and wants 200 for each.
async fn run(address: SocketAddr, request: &str, count: usize) {
    let mut workers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let request = request.to_owned();
        workers.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            for _ in 0..count / CONNECTIONS {
                stream.write_all(request.as_bytes()).await.unwrap();
                let head = read_head(&mut stream).await.expect("Envoy answers");
                assert!(
                    head.starts_with(b"HTTP/1.1 200 "),
                    "{}",
                    head.escape_ascii()
                );
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
}

/// The upstream answers everything with an empty 200.
async fn serve_upstream(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            while read_head(&mut stream).await.is_some() {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                if stream.write_all(answer).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// Reads to the empty line that ends a head. Neither side sends bodies or further requests before.
async fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(4096);
    while !head.ends_with(b"\r\n\r\n") {
        let length = stream.read_buf(&mut head).await.ok()?;
        if length == 0 {
            return None;
        }
    }
    Some(head)
}
