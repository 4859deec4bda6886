//! What proxies answer, and those that do not.

use super::*;

#[tokio::test]
async fn a_proxy_that_is_not_there_or_says_nothing_is_told() {
    let broken = answering(Vec::new()).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    for (address, expected) in [
        (gone, "The proxy cannot be reached."),
        (
            broken,
            "The connection to the proxy ended before there was an answer. The API may have done",
        ),
        (silent.local_addr().unwrap(), "There was no answer in time."),
    ] {
        let keys = format!(", portal: {{proxy: {{url: \"http://{address}\", timeout_ms: 300}}}}");
        let companion = TestCompanion::with_issuer_keys(&keys).await;
        let mut alice = sign_up(&companion, "alice").await;
        let filled = call(&mut alice, "browse", "nobody").await.with("p:id", "1");
        let shown = send(&mut alice, &filled).await;
        let (_, failure) = shown.body.split_once("role=\"alert\">").unwrap();
        let (failure, _) = failure.split_once('<').unwrap();
        assert!(failure.starts_with(expected), "{failure}");
        assert!(!failure.contains(&address.to_string()), "{failure}");
    }
}

/// So many bytes that do not get shorter by compression.
pub(super) fn noise(bytes: usize) -> String {
    // Of a generator of random numbers (Knuth): what is regular would get shorter.
    let noise = (0..bytes).scan(1_u64, |state, _| {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        Some(char::from(b'!' + u8::try_from(*state >> 58).unwrap()))
    });
    noise.collect()
}

/// A server in the place of the proxy that answers each request with these bytes.
async fn answering(bytes: Vec<u8>) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(&bytes).await;
        }
    });
    address
}

#[tokio::test]
async fn whatever_comes_is_shown_as_text_and_fits() {
    let markup = "<script>alert(1)</script>\u{202e}</code></pre>";
    for (text, expected) in [
        (markup.to_owned(), "&lt;script&gt;alert(1)&lt;/script&gt;"),
        (noise(60_000), "Only the beginning is shown."),
        ("a".repeat(60_000), "Only the beginning is shown."),
        (
            "\u{1b}[2J".to_owned(),
            "The body is not text. Bytes that arrived: 4.",
        ),
        (String::new(), "The body is empty."),
    ] {
        let head = format!(
            "HTTP/1.1 418 Short\r\ncontent-type: text/html\r\nset-cookie: portcullis-told=x\r\n\
             www-authenticate: <b>\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        let address = answering([head.into_bytes(), text.into_bytes()].concat()).await;
        let keys = format!(", portal: {{proxy: {{url: \"http://{address}\"}}}}");
        let companion = TestCompanion::with_issuer_keys(&keys).await;
        let mut alice = sign_up(&companion, "alice").await;
        let filled = call(&mut alice, "browse", "nobody").await.with("p:id", "1");
        let shown = send(&mut alice, &filled).await;
        assert_eq!(element(&shown, "status"), "418");
        assert!(shown.body.contains(expected), "{expected}: {shown:?}");
        assert!(
            shown.body.contains("&lt;b&gt;") && !shown.body.contains("<b>"),
            "{shown:?}"
        );
        assert!(!shown.body.contains('\u{202e}'), "{shown:?}");
        for (name, value) in &alice.cookies {
            assert!(name.len() + value.len() < 4096, "{name}: {}", value.len());
        }
    }
}

#[tokio::test]
async fn an_answer_with_many_headers_is_shown() {
    let lines = noise(90 * 200);
    let lines = lines.as_bytes().chunks(200).map(String::from_utf8_lossy);
    let lines: String = lines.fold(String::new(), |lines, value| {
        lines + "www-authenticate: " + &value + "\r\n"
    });
    let head = format!("HTTP/1.1 401 Unauthorized\r\n{lines}content-length: 2\r\n\r\nno");
    let address = answering(head.into_bytes()).await;
    let keys = format!(", portal: {{proxy: {{url: \"http://{address}\"}}}}");
    let companion = TestCompanion::with_issuer_keys(&keys).await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = call(&mut alice, "browse", "nobody").await.with("p:id", "1");
    let shown = send(&mut alice, &filled).await;
    assert_eq!(element(&shown, "status"), "401");
    assert_eq!(
        shown.body.matches("<code>www-authenticate</code>").count(),
        4
    );
    for (name, value) in &alice.cookies {
        assert!(name.len() + value.len() < 4096, "{name}: {}", value.len());
    }
}
