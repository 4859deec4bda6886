//! A server that the test writes byte by byte, in the place of the proxy.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::turns::{MAX_AT_ONCE, MAX_OF_USER};
use super::*;

const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl";

/// Answers each connection with what `answer` does; gives back the heads of the requests.
async fn server<F, A>(answer: F) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>)
where
    F: Fn(TcpStream) -> A + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heads) = tokio::sync::mpsc::unbounded_channel();
    let answer = std::sync::Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (sender, answer) = (sender.clone(), std::sync::Arc::clone(&answer));
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else {
                        return;
                    };
                    head.push(byte);
                }
                let _ = sender.send(String::from_utf8(head).unwrap());
                answer(stream).await;
            });
        }
    });
    (address, heads)
}

/// A server that says this and closes.
async fn saying(text: &'static str) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    server(move |mut stream| async move {
        let _ = stream.write_all(text.as_bytes()).await;
    })
    .await
}

fn proxy(address: SocketAddr, timeout_ms: u64) -> Proxy {
    let section = format!(
        "url: \"https://id.shop.example\", portal: {{proxy: {{url: \"http://{address}\", timeout_ms: {timeout_ms}}}}}"
    );
    let source = crate::problem::Source {
        name: "portcullis.yaml".to_owned(),
        text: format!("{{{section}}}"),
    };
    let document: crate::issuer::IssuerDocument = crate::yaml::parse(&source).ok().unwrap();
    let mut faults = crate::problem::Faults::default();
    let settings = document
        .build(std::path::Path::new(""), &mut faults)
        .unwrap();
    Proxy::new(&settings.portal.proxy.unwrap()).unwrap()
}

fn trial(target: &str) -> Trial<'_> {
    static USER: LazyLock<UserId> = LazyLock::new(|| UserId::known("alice"));
    Trial {
        user: &USER,
        method: Method::GET,
        target,
        body: None,
        token: Some(TOKEN),
    }
}

#[tokio::test]
async fn the_proxy_gets_the_token_and_no_header_of_anybody_else() {
    let (address, mut heads) = saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let proxy = proxy(address, 5000);
    let body = TrialBody {
        content_type: HeaderValue::from_static("application/json"),
        text: "{}".to_owned(),
    };
    let post = Trial {
        method: Method::POST,
        body: Some(body),
        ..trial("/orders?a=b")
    };
    let answer = proxy.send(post).await.unwrap();
    assert_eq!((answer.status, &*answer.body.bytes), (200, &b"ok"[..]));
    assert_eq!(answer.body.end, BodyEnd::Whole);
    let head = heads.recv().await.unwrap();
    let mut lines: Vec<String> = head.trim_end().lines().map(str::to_lowercase).collect();
    assert_eq!(lines.remove(0), "post /orders?a=b http/1.1");
    lines.sort();
    let expected = [
        "accept: application/json, */*;q=0.8".to_owned(),
        format!("authorization: bearer {}", TOKEN.to_lowercase()),
        "content-length: 2".to_owned(),
        "content-type: application/json".to_owned(),
        format!("host: {address}"),
        format!("user-agent: portcullis/{}", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn no_target_leads_to_another_server() {
    let (address, mut heads) = saying("HTTP/1.1 204 No Content\r\n\r\n").await;
    let proxy = proxy(address, 5000);
    for target in [
        "",
        "orders",
        "@evil.example/",
        ".evil.example/",
        ":1/",
        "http://evil.example/",
        "/a b",
        "/\r\nx: y",
    ] {
        let refused = proxy.send(trial(target)).await;
        assert_eq!(refused, Err(TrialError::Target), "{target}");
    }
    for target in ["//evil.example/x", "/\\evil.example", "/@evil.example"] {
        let answer = proxy.send(trial(target)).await;
        assert_eq!(answer.map(|answer| answer.status), Ok(204), "{target}");
        let head = heads.recv().await.unwrap().to_lowercase();
        let line = format!("get {target} http/1.1\r\n");
        assert!(head.starts_with(&line), "{head}");
        assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn a_redirect_is_shown_and_not_followed() {
    let (elsewhere, mut asked) = saying("HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let (address, _heads) = server(move |mut stream| async move {
        let text = format!("HTTP/1.1 302 Found\r\nlocation: http://{elsewhere}/?t={TOKEN}\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.write_all(text.as_bytes()).await;
    })
    .await;
    let answer = proxy(address, 5000).send(trial("/orders")).await.unwrap();
    assert_eq!(answer.status, 302);
    let location = format!("http://{elsewhere}/?t=[token]");
    assert_eq!(answer.headers, [("location".to_owned(), location)]);
    assert!(asked.try_recv().is_err());
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_off_in_time() {
    let hanging = |text: &'static str| {
        server(move |mut stream| async move {
            let _ = stream.write_all(text.as_bytes()).await;
            std::future::pending::<()>().await;
        })
    };
    let begin = Instant::now();
    let (address, _heads) = hanging("").await;
    let silent = proxy(address, 200).send(trial("/orders")).await;
    assert_eq!(silent, Err(TrialError::TimedOut));
    let (address, _heads) = hanging("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    let half = proxy(address, 200).send(trial("/orders")).await.unwrap();
    assert_eq!(
        (&*half.body.bytes, half.body.end),
        (&b"half"[..], BodyEnd::TimedOut)
    );
    assert!(begin.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn of_an_endless_body_the_beginning_is_read() {
    let (sender, ended) = tokio::sync::oneshot::channel();
    let sender = std::sync::Arc::new(parking_lot::Mutex::new(Some(sender)));
    let (address, _heads) = server(move |mut stream| {
        let sender = std::sync::Arc::clone(&sender);
        async move {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 100 << 20);
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut written = 0_usize;
            while stream.write_all(&[b'a'; 4096]).await.is_ok() && written < 100 << 20 {
                written += 4096;
            }
            let _ = sender.lock().take().unwrap().send(written);
        }
    })
    .await;
    let answer = proxy(address, 10_000).send(trial("/orders")).await.unwrap();
    assert_eq!(
        (answer.body.bytes.len(), answer.body.end),
        (64 * 1024, BodyEnd::TooLong)
    );
    // The connection ended: what buffers hold was all that was sent.
    assert!(ended.await.unwrap() < 20 << 20);
}

#[tokio::test]
async fn whoever_does_not_answer_in_http_is_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = closed.local_addr().unwrap();
    drop(closed);
    let unreachable = proxy(gone, 5000).send(trial("/orders")).await;
    assert_eq!(unreachable, Err(TrialError::Unreachable));
    let (address, _heads) = saying("").await;
    // The request had gone out.
    let silent = proxy(address, 5000).send(trial("/orders")).await;
    assert_eq!(silent, Err(TrialError::Broken));
    let (address, _heads) = saying("SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    let other = proxy(address, 5000).send(trial("/orders")).await;
    assert_eq!(other, Err(TrialError::NotHttp));
    let (address, _heads) = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
        while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
    })
    .await;
    let long = proxy(address, 5000).send(trial("/orders")).await;
    assert_eq!(long, Err(TrialError::NotHttp));
    let (address, _heads) = saying("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    let broken = proxy(address, 5000).send(trial("/orders")).await.unwrap();
    assert_eq!(
        (&*broken.body.bytes, broken.body.end),
        (&b"half"[..], BodyEnd::Broken)
    );
}

#[tokio::test]
async fn only_so_many_are_under_way() {
    let (address, mut heads) = server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let proxy = proxy(address, 1000);
    let users = (0..MAX_AT_ONCE).map(|number| UserId::known(&format!("u{}", number / MAX_OF_USER)));
    let users: Vec<UserId> = users.collect();
    let hanging = users.iter().map(|user| {
        proxy.send(Trial {
            user,
            ..trial("/orders")
        })
    });
    let hanging = futures_util::future::join_all(hanging);
    let one_more = async {
        for _ in 0..MAX_AT_ONCE {
            heads.recv().await.unwrap();
        }
        proxy.send(trial("/orders")).await
    };
    let (hanging, one_more) = tokio::join!(hanging, one_more);
    assert_eq!(one_more, Err(TrialError::Busy));
    assert!(
        hanging
            .into_iter()
            .all(|one| one == Err(TrialError::TimedOut))
    );
    assert_eq!(
        proxy.send(trial("/orders")).await,
        Err(TrialError::TimedOut)
    );
}
