//! The own apps: what they get, what is told of them, and how they change.

use super::*;

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

    // What contradicts itself, and what would do nothing, is asked again with what was typed.
    let both = listed
        .clone()
        .with("extent", "all")
        .with("box:orders.read", "on");
    for (filled, told) in [
        (
            &both,
            "You have ticked scopes and chosen everything as well.",
        ),
        (
            &listed,
            "Nothing is ticked, so that the app could do nothing.",
        ),
    ] {
        let asked = browser.submit(filled).await;
        assert_eq!(asked.status, 400, "{asked:?}");
        assert!(asked.body.contains(told), "{asked:?}");
        assert!(asked.body.contains("value=\"lister\""), "{asked:?}");
        // No field is wrong by itself.
        assert!(!asked.body.contains("aria-invalid"), "{asked:?}");
    }
    assert!(
        beyond.body.contains("name=\"box:orders.read\""),
        "{beyond:?}"
    );
    let owner = companion.login("alice", PASSWORD).await;
    let body = json!({"name": "lister", "scopes": []});
    let made = companion.post("/consumer/app", &body, &owner).await.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let app = TestClient {
        key: text("app_key"),
        secret: text("app_secret"),
    };
    let nothing = page(&mut browser, &format!("/portal/apps/{}", app.key)).await;
    assert!(nothing.body.contains("no scope is ticked"), "{nothing:?}");
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

/// What a page says of the last use of an app, in a row or on its own page.
fn last_use(page: &Answer) -> &str {
    let mut starts = ["data-label=\"Last used\">", "id=\"last-used\">"].into_iter();
    let (_, rest) = starts
        .find_map(|start| page.body.split_once(start))
        .unwrap_or_else(|| panic!("{page:?}"));
    let time = rest.strip_prefix("<time ");
    let rest = time.map_or(rest, |time| time.split_once('>').unwrap().1);
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
    assert_eq!(last_use(&unused), "not used yet");
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
    for told in ["Loses: scope.000<", "This concerns 1 user and 1 app."] {
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
