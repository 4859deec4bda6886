//! From nothing to a first call, and the commands and programs of it.

use super::*;

#[tokio::test]
async fn a_stranger_signs_up_makes_an_app_and_gets_through_the_gate() {
    let companion = TestCompanion::start().await;
    let mut browser = TestBrowser::new(&companion);
    let start = page(&mut browser, "/").await;
    assert!(start.body.contains("href=\"/portal/sign-up\""), "{start:?}");
    let mut browser = sign_up(&companion, "alice").await;
    let apps = page(&mut browser, "/portal/apps").await;
    assert!(apps.body.contains("No app yet"), "{apps:?}");

    let filled = new_app(&mut browser, "web-shop").await;
    let made = send(&mut browser, &filled).await;
    let app = client(&made);
    let token = companion.tokens(&app).await.access;
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);
    assert_eq!(companion.check("POST", "/orders", &token).await, 403);
    let apps = page(&mut browser, "/portal/apps").await;
    assert!(apps.body.contains(&app.key) && !apps.body.contains(&app.secret));

    let path = format!("/portal/apps/{}", app.key);
    let delete = page(&mut browser, &format!("{path}/delete")).await;
    let delete = form(&delete, &format!("{path}/delete"));
    let apps = send(&mut browser, &delete).await;
    assert!(apps.body.contains("The app has been deleted."), "{apps:?}");
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 401);
    assert_eq!(browser.get(&path).await.status, 404);
}

#[tokio::test]
async fn the_commands_that_a_page_shows_run() {
    let keys = ", portal: {title: Shop API, example_url: \"http://127.0.0.1:1/orders/1\"}";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let mut browser = sign_up(&companion, "alice").await;
    let filled = new_app(&mut browser, "web-shop").await;
    let made = send(&mut browser, &filled).await;
    assert!(made.body.contains("Shop API"), "{made:?}");
    assert_eq!(
        element(&made, "call-api"),
        "curl --include --header \"Authorization: Bearer ${TOKEN:?}\" 'http://127.0.0.1:1/orders/1'"
    );
    // The issuer's URL is that of the proxy in front, which is not there.
    let here = format!("http://{}", companion.address);
    let command = element(&made, "call-token").replace(crate::test_companion::URL, &here);
    let command = command.replace("&amp;", "&");
    let run = async |script: String| {
        let run = move || {
            std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
        };
        tokio::task::spawn_blocking(run).await.unwrap().unwrap()
    };
    let output = run(format!("{command}; printf %s \"$TOKEN\"")).await;
    let token = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        companion.check("GET", "/orders/1", &token).await,
        200,
        "{command}: {token}"
    );
    // A token that is refused is told, and the call is not made with what there was before.
    let secret = client(&made).secret;
    let refused = command.replace(&secret, "a-guess");
    let call = element(&made, "call-api");
    let output = run(format!("TOKEN=old; {refused}; {call}")).await;
    assert!(!output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("invalid_client"), "{told}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!errors.contains("127.0.0.1"), "{errors}");
}

/// Serves one answer to each of so many requests; gives back their heads.
async fn requests(listener: tokio::net::TcpListener, count: usize) -> Vec<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut heads = Vec::new();
    while heads.len() < count {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nan order\n";
        stream.write_all(answer).await.unwrap();
        heads.push(String::from_utf8(head).unwrap());
    }
    heads
}

#[tokio::test]
async fn the_programs_that_a_page_shows_run() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/orders/1", listener.local_addr().unwrap());
    let keys = format!(", portal: {{example_url: \"{api}\"}}");
    let companion = TestCompanion::with_issuer_keys(&keys).await;
    let mut browser = sign_up(&companion, "alice").await;
    let filled = new_app(&mut browser, "web-shop").await;
    let made = send(&mut browser, &filled).await;
    // The issuer's URL is that of the proxy in front, which is not there.
    let here = format!("http://{}", companion.address);
    let runs = [
        ("python", "first.py", &["python3"][..]),
        ("javascript", "first.mjs", &["node"]),
        ("go", "first.go", &["go", "run"]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut commands = Vec::new();
    for (id, file, words) in runs {
        let program = element(&made, &format!("call-{id}")).replace("&#62;", ">");
        let program = program.replace("&#60;", "<").replace("&#38;", "&");
        std::fs::write(
            folder.path().join(file),
            program.replace(crate::test_companion::URL, &here),
        )
        .unwrap();
        let mut command = std::process::Command::new(words[0]);
        command
            .args(&words[1..])
            .arg(file)
            .current_dir(folder.path());
        let installed = std::process::Command::new("which").arg(words[0]).output();
        if installed.unwrap().status.success() {
            commands.push(command);
        } else {
            crate::clients::skip(&format!("{} is not installed", words[0]));
        }
    }
    let served = tokio::spawn(requests(listener, commands.len()));
    for mut command in commands {
        let run = tokio::task::spawn_blocking(move || command.output());
        let output = run.await.unwrap().unwrap();
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("an order"), "{told}");
    }
    for head in served.await.unwrap() {
        let bearer = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": Bearer ")?;
            name.eq_ignore_ascii_case("authorization").then_some(value)
        });
        assert_eq!(
            companion.check("GET", "/orders/1", bearer.unwrap()).await,
            200
        );
    }
}
