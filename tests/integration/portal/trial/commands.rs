//! The command of a call, and what a link brings to the page.

use super::*;

#[tokio::test]
async fn without_a_proxy_the_page_shows_the_command() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let empty = page(&mut alice, &format!("{PATH}?operation=read-order")).await;
    assert!(empty.body.contains("issuer.portal.proxy"), "{empty:?}");
    assert!(!empty.body.contains("id=\"command\""), "{empty:?}");
    assert!(!empty.body.contains("name=\"secret\""), "{empty:?}");
    let path = format!("{PATH}?operation=read-order&method=GET&caller=me");
    let missing = alice.get(&path).await;
    assert_eq!(missing.status, 400, "{missing:?}");
    let shown = page(&mut alice, &format!("{path}&p%3Aorder_id=it%27s")).await;
    assert_eq!(
        element(&shown, "command"),
        "curl --include --header \"Authorization: Bearer $TOKEN\" --globoff \\\n  \
         'https://api.example/orders/it%27s'"
    );
    let action = form(&page(&mut alice, "/").await, "/portal/log-out");
    let forced = TestForm {
        action: PATH.to_owned(),
        ..action
    };
    let forced = forced
        .with("operation", "browse")
        .with("caller", "nobody")
        .with("p:id", "1");
    assert_eq!(alice.submit(&forced).await.status, 404);
}

#[tokio::test]
async fn the_command_of_a_call_does_the_same() {
    let (companion, upstream) = with_proxy("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let app = app_of(&mut alice, "web-shop").await;
    let caller = format!("app:{}", app.key);
    let filled = call(&mut alice, "place-order", &caller)
        .await
        .with("query", "a=it's&b=%20")
        .with("body", "@{\"text\":\r\n\"it's $HOME `x` \\ &amp; <>\"}");
    // The body is in no URL: the page that has it is that of a form which is not sent, as without the secret.
    let kept = alice.submit(&filled).await;
    assert_eq!(kept.status, 400, "{kept:?}");
    let command = element(&kept, "command")
        .replace("&lt;", "<")
        .replace("&#60;", "<")
        .replace("&gt;", ">")
        .replace("&#62;", ">")
        .replace("&#38;", "&amp;")
        .replace("&amp;", "&");
    send(&mut alice, &filled.with("secret", &app.secret)).await;
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &format!("{command} --silent")])
        .env("TOKEN", "abc");
    let output = tokio::task::spawn_blocking(move || shell.output())
        .await
        .unwrap()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
    for one in &seen {
        assert_eq!(
            (&*one.method, &*one.path),
            ("POST", "/orders?a=it%27s&b=%20")
        );
        assert_eq!(one.body, "@{\"text\":\n\"it's $HOME `x` \\ &amp; <>\"}");
        assert_eq!(one.header("content-type"), Some("application/json"));
    }
    assert_eq!(token_of(&seen[1]), "abc");
}

/// What the page says of an operation and a caller, as a stranger's link would have it.
#[tokio::test]
async fn the_text_of_a_link_is_text_on_the_page() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let script = encode("\"><script>alert(1)</script>");
    let path = format!("{PATH}?operation=browse&method=GET&p%3Aid={script}&query={script}");
    let shown: Answer = alice.get(&path).await;
    assert!(!shown.body.contains("<script>"), "{shown:?}");
    let list = page(&mut alice, &format!("{PATH}?search={script}")).await;
    assert!(list.body.contains("No operation matches."), "{list:?}");
    assert!(!list.body.contains("<script>"), "{list:?}");
}
