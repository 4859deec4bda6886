//! Key sets that are fetched by themselves, without a gate: through proxies, and from servers of HTTP/2.

use super::*;

/// A key set that is fetched by itself, without a gate.
struct Fetching(RemoteKeys);

impl Fetching {
    fn start(url: &str, ca_pem: &[u8], proxy: Option<Proxy>) -> Self {
        let address = JwksAddress::parse(url, PlainText::Refused).unwrap();
        let settings = RemoteKeySettings::new(KeyLocation::Address(address));
        let source = RemoteKeySource::new(ISSUER, &settings, Some(ca_pem)).unwrap();
        let source = match proxy {
            Some(proxy) => source.through(proxy),
            None => source,
        };
        let sink = |_: &[u8]| {
            Ok(Loaded {
                keys: 1,
                change: Change::Changed,
            })
        };
        let clock = Arc::new(SystemClock);
        Self(RemoteKeys::start(&source, sink, clock, &Handle::current()))
    }

    async fn loads(&self) {
        let loaded = tokio::time::timeout(PATIENCE, self.0.loaded()).await;
        assert!(loaded.unwrap());
    }

    async fn failure(&self) -> String {
        let mut state = self.0.subscribe();
        let failed = state.wait_for(|state| state.last_failure.is_some());
        let failed = tokio::time::timeout(PATIENCE, failed)
            .await
            .unwrap()
            .unwrap();
        let failure = failed.last_failure.clone().unwrap();
        assert_eq!(failure.outcome, FetchOutcome::Unreachable);
        failure.message
    }
}

async fn proxy(target: SocketAddr, line: &'static str) -> (Proxy, Arc<Mutex<Vec<String>>>) {
    let (address, heads) = connect_proxy(target, line).await;
    let proxy = Proxy::parse(&format!("http://user:pass@{address}"), "no.example");
    (proxy.unwrap(), heads)
}

/// Answers CONNECT with this line, and leads to `target` whatever was asked; notes the heads.
pub(crate) async fn connect_proxy(
    target: SocketAddr,
    line: &'static str,
) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            noted.lock().unwrap().push(String::from_utf8(head).unwrap());
            let answer = format!("HTTP/1.1 {line}\r\n\r\n");
            client.write_all(answer.as_bytes()).await.unwrap();
            let mut server = TcpStream::connect(target).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    });
    (address, heads)
}

#[tokio::test]
async fn a_proxy_leads_to_the_server_and_cannot_take_its_place() {
    let pki = Pki::new(&["id.shop.example"]);
    let server = JwksServer::start_tls(ok("{}"), &pki).await;
    let (through, heads) = proxy(server.address(), "200 Connection established").await;
    let url = "https://id.shop.example/jwks.json";
    Fetching::start(url, &pki.ca_pem, Some(through))
        .loads()
        .await;
    let connect = heads.lock().unwrap().concat();
    assert!(
        connect.starts_with("CONNECT id.shop.example:443 HTTP/1.1\r\n"),
        "{connect}"
    );
    assert!(
        connect.contains("\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n"),
        "{connect}"
    );
    // The server is not told what the proxy is.
    let request = server.requests().concat().to_ascii_lowercase();
    assert!(!request.contains("proxy-authorization"), "{request}");

    // It leads elsewhere: to whom the authority has given no certificate for this name.
    let impostor = JwksServer::start_tls(ok("{}"), &Pki::new(&["id.shop.example"])).await;
    let (through, _) = proxy(impostor.address(), "200 OK").await;
    let message = Fetching::start(url, &pki.ca_pem, Some(through))
        .failure()
        .await;
    assert!(message.contains("certificate"), "{message}");
    assert!(impostor.requests().is_empty());

    let (through, _) = proxy(server.address(), "407 Proxy Authentication Required").await;
    let message = Fetching::start(url, &pki.ca_pem, Some(through))
        .failure()
        .await;
    assert!(
        message.contains("`HTTPS_PROXY` answered to CONNECT with status 407"),
        "{message}"
    );
}

#[tokio::test]
async fn a_server_of_http_2_alone_is_understood() {
    let pki = Pki::new(&["127.0.0.1"]);
    let acceptor = pki.acceptor(&[b"h2"]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let answer = service_fn(|_: hyper::Request<Incoming>| async {
                let body = Full::new(bytes::Bytes::from_static(b"{}"));
                Ok::<_, Infallible>(hyper::Response::new(body))
            });
            let connection = http2::Builder::new(TokioExecutor::new());
            let _ = connection
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        }
    });
    let url = format!("https://{address}/jwks.json");
    Fetching::start(&url, &pki.ca_pem, None).loads().await;
}
