//! The portal as a person meets it: with a browser, without script.

mod account;
mod forms;
mod own_apps;
mod panel;
mod passkeys;
mod routes;
mod script;
mod trial;

use std::sync::Arc;

use portcullis::clock::{Clock, ManualClock, SystemClock};
use serde_json::json;

use crate::client::Answer;
use crate::test_app::Setup;
use crate::test_browser::{CALLBACK, TestBrowser, TestForm, form, request, set_cookies};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion, setup, sqlite};

/// Where an answer to a form sends the browser.
fn next(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store"),
        "{answer:?}"
    );
    answer.header("location").unwrap().to_owned()
}

/// A page that is there, with all that protects it.
async fn page(browser: &mut TestBrowser<'_>, path: &str) -> Answer {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_protected(&answer);
    answer
}

/// The same page for whoever reads German.
async fn in_german(companion: &TestCompanion, browser: &TestBrowser<'_>, path: &str) -> Answer {
    let cookies = browser.cookies.iter();
    let cookies: Vec<_> = cookies
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let cookies = format!("cookie: {}", cookies.join("; "));
    let headers = [cookies.as_str(), "accept-language: de"];
    companion.send("GET", path, &headers, "").await
}

fn assert_protected(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for (header, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{header}");
    }
    // The one script is a file.
    let body = answer.body.replace("<script src=\"/assets/", "");
    for inline in ["<script", "<style", " style=", " onclick="] {
        assert!(!body.contains(inline), "{inline}");
    }
}

/// Sends the form of a page, filled in, and gets the page that it leads to.
async fn send(browser: &mut TestBrowser<'_>, filled: &TestForm) -> Answer {
    let answer = browser.submit(filled).await;
    let path = next(&answer);
    page(browser, &path).await
}

async fn sign_up<'a>(companion: &'a TestCompanion, username: &str) -> TestBrowser<'a> {
    let mut browser = TestBrowser::new(companion);
    let empty = form(
        &page(&mut browser, "/portal/sign-up").await,
        "/portal/sign-up",
    );
    let filled = empty
        .with("username", username)
        .with("email", &format!("{username}@shop.example"))
        .with("password", PASSWORD);
    let start = send(&mut browser, &filled).await;
    assert!(start.body.contains("you are logged in"), "{start:?}");
    browser
}

async fn log_in<'a>(
    companion: &'a TestCompanion,
    username: &str,
    password: &str,
) -> TestBrowser<'a> {
    let mut browser = TestBrowser::new(companion);
    let empty = form(
        &page(&mut browser, "/portal/log-in").await,
        "/portal/log-in",
    );
    let filled = empty.with("username", username).with("password", password);
    send(&mut browser, &filled).await;
    browser
}

/// The form for a new app, filled in.
async fn new_app(browser: &mut TestBrowser<'_>, name: &str) -> TestForm {
    let empty = page(browser, "/portal/apps/new").await;
    form(&empty, "/portal/apps/new")
        .with("name", name)
        .with("extent", "all")
}

/// What stands in the element with this id.
fn element(page: &Answer, id: &str) -> String {
    let start = format!(" id=\"{id}\">");
    let (_, rest) = page
        .body
        .split_once(&start)
        .unwrap_or_else(|| panic!("no {id}: {page:?}"));
    let (text, _) = rest.split_once('<').unwrap();
    text.replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#34;", "\"")
}

/// The key and the secret that the page of an app shows.
fn client(page: &Answer) -> TestClient {
    TestClient {
        key: element(page, "app-key"),
        secret: element(page, "app-secret"),
    }
}

/// A companion whose clock is in the hands of the test.
async fn with_clock() -> (TestCompanion, Arc<ManualClock>) {
    with_clock_and("").await
}

/// The same with further keys of the section `issuer`, with a comma in front.
async fn with_clock_and(keys: &str) -> (TestCompanion, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup {
        clock: Some(Arc::clone(&clock)),
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let closing = setup.extra.rfind('}').unwrap();
    setup.extra.insert_str(closing, keys);
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    (companion, clock)
}

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
async fn a_secret_is_told_on_one_page_of_one_session_and_in_no_url() {
    let (companion, clock) = with_clock().await;
    let mut browser = sign_up(&companion, "alice").await;
    let filled = new_app(&mut browser, "web-shop").await;
    let answer = browser.submit(&filled).await;
    let path = next(&answer);
    let told = set_cookies(&answer);
    let told = told
        .iter()
        .find(|cookie| cookie.starts_with("__Secure-portcullis-told="))
        .unwrap();
    let attributes = format!("; Path={path}; HttpOnly; SameSite=Strict; Secure; Max-Age=60");
    assert!(told.ends_with(&attributes), "{told}");
    let app = client(&page(&mut browser, &path).await);
    assert!(!path.contains(&app.secret) && !told.contains(&app.secret));
    let reloaded = page(&mut browser, &path).await;
    assert_eq!(client(&reloaded).secret, app.secret, "it survives a reload");

    for other in ["/portal/apps".to_owned(), format!("{path}/edit")] {
        let other = page(&mut browser, &other).await;
        assert!(!other.body.contains(&app.secret));
    }
    // The browser may keep the cookie for longer than it was told to.
    clock.advance(61);
    let later = page(&mut browser, &path).await;
    assert!(!later.body.contains(&app.secret), "it is told for a minute");
    clock.advance(-61);
    // Another session of the same user with the cookie of the first.
    let mut second = log_in(&companion, "alice", PASSWORD).await;
    let told = "__Secure-portcullis-told";
    let cookie = browser.cookies[told].clone();
    second.cookies.insert(told.to_owned(), cookie);
    let seen = page(&mut second, &path).await;
    assert!(!seen.body.contains(&app.secret) && seen.body.contains("shown once"));

    // The other secret, and what becomes of the first.
    let rotate = page(&mut browser, &format!("{path}/rotate")).await;
    let rotate = form(&rotate, &format!("{path}/rotate"));
    let later = send(&mut browser, &rotate.with("earlier", "later")).await;
    let newer = client(&later);
    assert_ne!(newer.secret, app.secret);
    for secret in [&app, &newer] {
        companion.tokens(secret).await;
    }
    clock.advance(1);
    assert!(
        later.body.contains("The previous secret is valid until"),
        "{later:?}"
    );
    let rotate = page(&mut browser, &format!("{path}/rotate")).await;
    let rotate = form(&rotate, &format!("{path}/rotate"));
    let now = send(&mut browser, &rotate.with("earlier", "now")).await;
    companion.tokens(&client(&now)).await;
    for ended in [&app, &newer] {
        let answer = companion
            .token(ended, "grant_type=client_credentials")
            .await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
}

#[tokio::test]
async fn an_app_gets_what_is_ticked_and_no_more_than_its_owner_has() {
    let companion = TestCompanion::start().await;
    let mut browser = sign_up(&companion, "alice").await;
    let empty = page(&mut browser, "/portal/apps/new").await;
    // What the owner may not give is shown, and cannot be ticked.
    assert!(empty.body.contains("name=\"box:orders.read\""), "{empty:?}");
    assert!(
        empty.body.contains("<code>orders.write</code>"),
        "{empty:?}"
    );
    assert!(
        !empty.body.contains("name=\"box:orders.write\""),
        "{empty:?}"
    );
    assert!(!empty.body.contains("backend."), "{empty:?}");
    let listed = form(&empty, "/portal/apps/new")
        .with("name", "lister")
        .with("extent", "list");
    let beyond = browser
        .submit(&listed.clone().with("box:orders.write", "on"))
        .await;
    assert_eq!(beyond.status, 400, "{beyond:?}");
    assert!(beyond.body.contains("role=\"alert\"") && beyond.body.contains("orders.write"));
    assert!(
        beyond.body.contains("value=\"lister\""),
        "what was typed stays: {beyond:?}"
    );

    let nothing = send(&mut browser, &listed).await;
    assert!(nothing.body.contains("no scope is ticked"), "{nothing:?}");
    let app = client(&nothing);
    let refused = companion.token(&app, "grant_type=client_credentials").await;
    assert_eq!(refused.json()["error"], "invalid_scope");
    let path = format!("/portal/apps/{}/edit", app.key);
    let edit = form(&page(&mut browser, &path).await, &path);
    let edit = edit
        .with("name", "reader")
        .with("extent", "list")
        .with("box:orders.read", "on");
    let changed = send(&mut browser, &edit).await;
    assert!(
        changed.body.contains("The app has been changed."),
        "{changed:?}"
    );
    let granted = companion.token(&app, "grant_type=client_credentials").await;
    assert_eq!(granted.json()["scope"], "orders.read");
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
        "curl --include --header \"Authorization: Bearer $TOKEN\" 'http://127.0.0.1:1/orders/1'"
    );
    // The issuer's URL is that of the proxy in front, which is not there.
    let here = format!("http://{}", companion.address);
    let command = element(&made, "call-token").replace(crate::test_companion::URL, &here);
    let script = format!("{command}; printf %s \"$TOKEN\"");
    let run = move || {
        std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let token = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        companion.check("GET", "/orders/1", &token).await,
        200,
        "{command}: {token}"
    );
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

/// What a page says of the last use of an app, in a row or on its own page.
fn last_use(page: &Answer) -> &str {
    let mut starts = ["data-label=\"Last used\">", "id=\"last-used\">"].into_iter();
    let (_, rest) = starts
        .find_map(|start| page.body.split_once(start))
        .unwrap_or_else(|| panic!("{page:?}"));
    rest.split_once('<').unwrap().0
}

#[tokio::test]
async fn the_last_use_of_an_app_is_seen_by_its_owner_and_by_administrators() {
    let (companion, clock) = with_clock().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let created = clock.now();
    let path = format!("/portal/apps/{}", app.key);
    let unused = page(&mut alice, &path).await;
    assert_eq!(last_use(&unused), "no use known");
    for seconds in [0, 60] {
        clock.advance(seconds);
        companion.tokens(&app).await;
        let now = clock.now();
        // Known to the minute, and never before there was the app.
        let minute = now.plus(-now.0.rem_euclid(60)).max(created);
        let used = format!("{:02}:{:02} UTC", minute.0 / 3600 % 24, minute.0 / 60 % 60);
        let token = companion.login("alice", PASSWORD).await;
        let answer = async || {
            let path = format!("/consumer/app/{}", app.key);
            companion.get(&path, &token).await.json()["last_used_at"].clone()
        };
        let written = async {
            while answer().await != json!(minute.0) {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        let written = tokio::time::timeout(std::time::Duration::from_secs(30), written).await;
        assert!(written.is_ok(), "{used} is not at the endpoint");
        for path in ["/portal/apps", &path] {
            let shown = page(&mut alice, path).await;
            assert!(last_use(&shown).ends_with(&used), "{used}: {shown:?}");
        }
        let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
        for path in ["/panel/apps".to_owned(), format!("/panel/apps/{}", app.key)] {
            let shown = page(&mut admin, &path).await;
            assert!(last_use(&shown).ends_with(&used), "{used}: {shown:?}");
        }
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let (companion, clock) = with_clock().await;
    let mut browser = sign_up(&companion, "alice").await;
    for _ in 0..24 {
        clock.advance(1799);
        page(&mut browser, "/portal/apps").await;
    }
    clock.advance(43_200 - 24 * 1799);
    let over = browser.get("/portal/apps").await;
    assert_eq!(
        next(&over),
        "/portal/log-in?next=%2Fportal%2Fapps",
        "after twelve hours"
    );
    let mut browser = log_in(&companion, "alice", PASSWORD).await;
    clock.advance(1800);
    let over = browser.get("/portal/apps").await;
    assert_eq!(over.status, 303, "after half an hour without a request");
}

#[tokio::test]
async fn a_busy_session_goes_on_however_short_its_idle_time_is() {
    let (companion, clock) = with_clock_and(", sessions: {idle_seconds: 60}").await;
    let mut browser = sign_up(&companion, "alice").await;
    for _ in 0..10 {
        clock.advance(40);
        page(&mut browser, "/portal/apps").await;
    }
}

/// What a form leaves out gives an app nothing, and what a page cannot show stays.
#[tokio::test]
async fn a_change_of_an_app_is_what_its_form_says_and_no_more() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let names: Vec<String> = (0..200)
        .map(|number| format!("scope.{number:03}"))
        .collect();
    for name in &names {
        let scope = json!({"name": name, "description": ""});
        let made = companion.post("/backend/scope", &scope, &admin).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let more = json!({"add_scopes": names});
    let more = companion.put("/backend/role/consumer", &more, &admin).await;
    assert_eq!(more.status, 200, "{more:?}");
    let alice = companion.register("alice").await;
    let app = json!({"name": "web-shop", "scopes": names});
    let made = companion.post("/consumer/app", &app, &alice).await;
    let path = format!(
        "/portal/apps/{}/edit",
        made.json()["app_key"].as_str().unwrap()
    );
    let api = path
        .replace("/portal/apps", "/consumer/app")
        .replace("/edit", "");
    let mut browser = log_in(&companion, "alice", PASSWORD).await;
    let shown = page(&mut browser, &path).await;
    assert!(
        shown.body.contains("stays."),
        "the page says that there are more"
    );
    let mut renamed = form(&shown, &path).with("name", "Web shop");
    for name in names.iter().take(150).skip(1) {
        renamed = renamed.with(&format!("box:{name}"), "on");
    }
    let incomplete = browser.submit(&renamed).await;
    assert_eq!(
        incomplete.status, 400,
        "without `extent`: {}",
        incomplete.head
    );
    let asked = browser.submit(&renamed.with("extent", "list")).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    for told in [
        "Loses: scope.000<",
        "This concerns 1 user, 1 app and 0 grants.",
    ] {
        assert!(asked.body.contains(told), "{told}: {asked:?}");
    }
    let app = companion.get(&api, &alice).await.json();
    assert_eq!(app["scopes"], json!(names), "nothing yet");
    let changed = browser.submit(&form(&asked, &path)).await;
    assert_eq!(changed.status, 303, "{changed:?}");
    let app = companion.get(&api, &alice).await.json();
    assert_eq!(
        (&app["name"], &app["follows_owner"]),
        (&json!("Web shop"), &json!(false))
    );
    assert_eq!(app["scopes"], json!(names[1..]), "the one that was cleared");
}

#[tokio::test]
async fn where_no_page_is_a_page_says_so() {
    let companion = TestCompanion::start().await;
    let mut browser = sign_up(&companion, "alice").await;
    assert_eq!(next(&browser.get("/portal").await), "/");
    for path in [
        "/portal/",
        "/portal/nope",
        "/portal/apps/x/nope",
        "/panel/",
        "/panel/nope",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(
            answer.body.contains("<h1>There is nothing here</h1>"),
            "{path}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn what_outlives_a_session_needs_the_password_again() {
    let (companion, clock) = with_clock().await;
    let mut browser = sign_up(&companion, "alice").await;
    clock.advance(301);
    let filled = new_app(&mut browser, "web-shop")
        .await
        .with("box:orders.read", "on");
    let filled = filled.with("extent", "list");
    let before = browser.cookies.clone();
    let asked = browser.submit(&filled).await;
    assert_eq!(asked.status, 403, "{asked:?}");
    let proof = form(&asked, "/portal/apps/new");
    for name in ["name", "extent", "box:orders.read"] {
        assert_eq!(
            proof.fields[name], filled.fields[name],
            "{name} is sent again"
        );
    }
    let wrong = browser
        .submit(&proof.clone().with("confirm_password", "a guess"))
        .await;
    assert_eq!(wrong.status, 403, "{wrong:?}");
    assert!(wrong.body.contains("The password is wrong."), "{wrong:?}");
    assert_eq!(browser.cookies, before);
    let made = send(&mut browser, &proof.with("confirm_password", PASSWORD)).await;
    companion.tokens(&client(&made)).await;
    let session = "__Host-portcullis-session";
    assert_ne!(
        browser.cookies[session], before[session],
        "the session is a new one"
    );
    let mut stolen = TestBrowser::new(&companion);
    stolen.cookies = before;
    assert_eq!(stolen.get("/portal/apps").await.status, 303);
}

#[tokio::test]
async fn the_pages_speak_the_language_of_the_browser() {
    let companion = TestCompanion::start().await;
    let german = ["accept-language: de-DE,de;q=0.9,en;q=0.8"];
    let answer = companion.send("GET", "/portal/log-in", &german, "").await;
    assert!(answer.body.contains("<html lang=\"de\">"), "{answer:?}");
    assert!(answer.body.contains("<h1>Anmelden</h1>"), "{answer:?}");
    let vary = answer.header("vary").unwrap_or_default();
    assert!(vary.contains("accept-language"), "{answer:?}");
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let consent = companion.send("GET", &request(&app), &german, "").await;
    assert!(consent.body.contains("<html lang=\"de\">"), "{consent:?}");
    assert!(
        consent
            .body
            .contains("<p>um fortzufahren mit <strong>web-shop"),
        "{consent:?}"
    );
    let answer = companion.send("GET", "/portal/log-in", &[], "").await;
    assert!(answer.body.contains("<html lang=\"en\">"), "{answer:?}");
}

#[tokio::test]
async fn a_login_leads_on_to_the_page_that_asked_for_it_and_to_no_other_site() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    for (asked, led) in [
        ("%2Fportal%2Fapps%2Fnew", "/portal/apps/new"),
        ("%2F%2Fevil.example%2Fportal%2F", "/"),
        ("https%3A%2F%2Fevil.example%2F", "/"),
    ] {
        let mut browser = TestBrowser::new(&companion);
        let page = page(&mut browser, &format!("/portal/log-in?next={asked}")).await;
        let mut filled = form(&page, "/portal/log-in")
            .with("username", "alice")
            .with("password", PASSWORD);
        let answer = browser.submit(&filled).await;
        assert_eq!(next(&answer), led, "{asked}");
        filled = filled.with("next", "https://evil.example/portal/");
        let foreign = browser.submit(&filled).await;
        assert_eq!(foreign.status, 403, "the session has changed: {foreign:?}");
    }
}

#[tokio::test]
async fn where_registration_is_closed_the_pages_say_so() {
    let companion = TestCompanion::with_issuer_keys(", registration: closed").await;
    let mut browser = TestBrowser::new(&companion);
    let start = page(&mut browser, "/").await;
    assert!(!start.body.contains("/portal/sign-up"), "{start:?}");
    let closed = page(&mut browser, "/portal/sign-up").await;
    assert!(closed.body.contains("ask an administrator"), "{closed:?}");
    let mut filled = form(
        &page(&mut browser, "/portal/log-in").await,
        "/portal/log-in",
    );
    filled.action = "/portal/sign-up".to_owned();
    let answer = browser.submit(&filled.with("username", "alice")).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    log_in(&companion, "admin", ADMIN_PASSWORD).await;
}

#[tokio::test]
async fn the_style_sheet_has_a_name_that_changes_with_it() {
    let companion = TestCompanion::start().await;
    let mut browser = TestBrowser::new(&companion);
    let start = page(&mut browser, "/").await;
    let (_, rest) = start.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let (path, _) = rest.split_once('"').unwrap();
    let style = browser.get(path).await;
    assert_eq!(style.status, 200);
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    let cached = style.header("cache-control").unwrap();
    assert!(cached.contains("immutable"), "{cached}");
    assert!(!style.body.contains("url("), "nothing comes from elsewhere");
    let mut stranger = TestBrowser::new(&companion);
    let style = stranger.get(path).await;
    assert_eq!(set_cookies(&style), [""; 0], "others may keep it");
    assert_eq!(browser.get("/assets/other.css").await.status, 404);
}
