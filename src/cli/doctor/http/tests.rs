//! Tests of requests to a running proxy.

use super::*;

#[test]
fn an_address_is_a_scheme_and_a_host() {
    for (url, expected) in [
        ("http://127.0.0.1:10000", Some(("127.0.0.1", 10000))),
        ("https://api.shop.example/", Some(("api.shop.example", 443))),
        ("http://[::1]:80", Some(("::1", 80))),
        ("http://[::1]", Some(("::1", 80))),
        ("api.shop.example", None),
        ("https://u:hunter2@h", None),
        ("https://h/path", None),
        ("ftp://h", None),
        ("http://h:x", None),
        ("http://h\r\nx: y", None),
    ] {
        match (LiveProxy::new(url, None), expected) {
            (Ok(proxy), Some(expected)) => assert_eq!((&*proxy.host, proxy.port), expected),
            (Err(error), None) => assert!(!error.to_string().contains("hunter2"), "{error}"),
            (proxy, _) => panic!("{url}: {:?}", proxy.map(|proxy| proxy.authority)),
        }
    }
}

#[test]
fn an_answer_is_read_as_far_as_it_matters() {
    let text = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\ncontent-length: 37\r\n\r\n\
                {\"decision_id\":\"e8def4b7417de105\"   }";
    assert!(is_whole(text.as_bytes()));
    assert!(!is_whole(&text.as_bytes()[..text.len() - 1]));
    let answered = read(text).unwrap();
    assert_eq!(answered.answer.status, 401);
    assert_eq!(answered.answer.challenge.as_deref(), Some("Bearer"));
    assert_eq!(
        answered.answer.decision_id.as_deref(),
        Some("e8def4b7417de105")
    );
    assert!(read("SSH-2.0\r\n\r\n").is_none());
}

#[test]
fn heads_before_the_answer_are_skipped() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    assert!(!has_head(interim.as_bytes()) && read(interim).is_none());
    let text = format!("{interim}HTTP/1.1 401 Unauthorized\r\ncontent-length: 1\r\n\r\n");
    assert!(has_head(text.as_bytes()) && !is_whole(text.as_bytes()));
    assert!(is_whole(format!("{text}a").as_bytes()));
    assert_eq!(read(&text).unwrap().answer.status, 401);
}

/// Asks a server that writes `first`, then `more` every fiftieth of a second until nobody listens.
fn asked(
    patience: Duration,
    first: &'static [u8],
    more: &'static [u8],
) -> anyhow::Result<Answered> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut heard = [0; 4096];
        // Without a word where the time ended before there was one.
        if !matches!(socket.read(&mut heard), Ok(1..)) || socket.write_all(first).is_err() {
            return;
        }
        let pace = Duration::from_millis(20);
        socket.set_read_timeout(Some(pace)).unwrap();
        // Bounded: more than a minute of it.
        for _ in 0..3000 {
            let is_waiting = matches!(socket.read(&mut heard), Err(error) if is_late(&error));
            if more.is_empty() || !is_waiting || socket.write_all(more).is_err() {
                break;
            }
        }
    });
    let proxy = LiveProxy::new(&format!("https://{address}"), None).unwrap();
    let answered = proxy.get_by(Instant::now() + patience, "/", &[]);
    // For a server that is still waiting for its first caller.
    drop(TcpStream::connect(address));
    server.join().unwrap();
    answered
}

/// A record of 16 KiB, byte by byte: five minutes of handshake.
#[test]
fn a_handshake_has_no_more_time_than_the_answer() {
    let patience = Duration::from_millis(400);
    let error = asked(patience, b"\x16\x03\x03\x40\x00", b"\x02");
    let error = error.map(|answered| answered.text).unwrap_err();
    assert_eq!(error.to_string(), "it did not answer within 5 seconds");
}

#[test]
fn a_plain_port_is_told_as_such() {
    // Far more than it takes.
    let patience = Duration::from_mins(1);
    let error = asked(patience, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"");
    let error = error.map(|answered| answered.text).unwrap_err().to_string();
    assert!(
        error.contains("does it speak TLS? try `http://127.0.0.1:"),
        "{error}"
    );
}

/// Answers with these pieces, and after them with nothing until the time ends.
struct Hanging(Vec<&'static [u8]>);

impl Read for Hanging {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.0.remove(0).read(buffer)
    }
}

impl Write for Hanging {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_body_without_an_end_is_judged_by_its_head() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = converse(Hanging(vec![head, b"1\r\na\r\n", b"1\r\na\r\n"]), b"").unwrap();
    let answered = read(&String::from_utf8_lossy(&answer)).unwrap();
    assert_eq!(answered.answer.status, 200);
    // The time ends within a head.
    let late = converse(Hanging(vec![b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"]), b"");
    assert!(is_late(&late.unwrap_err()));
}
