//! The authorization code grant as its attackers go at it.

use futures_util::future::join_all;
use serde_json::json;

use crate::client::Answer;
use crate::issuer::error;
use crate::postgres::Postgres;
use crate::test_browser::{
    CALLBACK, CHALLENGE, TestBrowser, VERIFIER, encode, form, location, request, returned,
};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion};

const SESSION: &str = "__Host-portcullis-session";
const BROWSER: &str = "__Host-portcullis-browser";

impl TestCompanion {
    /// Disables a user.
    pub(crate) async fn disable(&self, username: &str) {
        let admin = self.login("admin", ADMIN_PASSWORD).await;
        let path = format!("/backend/user/{username}");
        let body = json!({"status": "disabled"});
        let done = self.put(&path, &body, &admin).await;
        assert_eq!(done.status, 200, "{done:?}");
    }

    /// Takes a scope from the default role.
    pub(crate) async fn take_scope(&self, scope: &str) {
        self.change_scopes(|scopes| scopes.retain(|held| held != scope))
            .await;
    }

    /// Adds a scope to the default role.
    pub(crate) async fn give_scope(&self, scope: &str) {
        self.change_scopes(|scopes| scopes.push(scope.into())).await;
    }

    async fn change_scopes(&self, change: impl FnOnce(&mut Vec<serde_json::Value>)) {
        let admin = self.login("admin", ADMIN_PASSWORD).await;
        let mut role = self.get("/backend/role/consumer", &admin).await.json();
        let scopes = role["scopes"].as_array_mut().unwrap();
        change(scopes);
        let body = json!({"scopes": scopes});
        let done = self.put("/backend/role/consumer", &body, &admin).await;
        assert_eq!(done.status, 200, "{done:?}");
    }

    /// Whether the family of this answer's refresh token still lives.
    async fn refreshes(&self, client: &TestClient, granted: &serde_json::Value) -> bool {
        let token = granted["refresh_token"].as_str().unwrap();
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        self.token(client, &form).await.status == 200
    }
}

#[tokio::test]
async fn nobody_is_sent_where_the_app_has_not_registered() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let registered = "https://shop.example/cb?tenant=1";
    let app = companion.web_app(&alice, "web-shop", &[registered]).await;
    let two = companion
        .web_app(
            &alice,
            "two-uris",
            &[CALLBACK, "https://shop.example/other"],
        )
        .await;
    let start = |key: &str| {
        format!(
            "/authorization/authorize?client_id={key}&response_type=code\
             &code_challenge={CHALLENGE}&code_challenge_method=S256"
        )
    };
    let mut rows: Vec<String> = [
        "https://evil.example/cb",
        "https://shop.example/cb",
        "https://shop.example/cb?tenant=1&next=x",
        "https://shop.example/cb?tenant=1#",
        "https://shop.example/cb?tenant=1#x",
        "https://shop.example/cb?tenant=2",
        "https://shop.example/cb/../cb?tenant=1",
        "https://shop.example:443/cb?tenant=1",
        "https://shop.example:8443/cb?tenant=1",
        "https://SHOP.example/cb?tenant=1",
        "http://shop.example/cb?tenant=1",
        "https://evil@shop.example/cb?tenant=1",
        "https://shop.example@evil.example/cb?tenant=1",
        "https://shop.example.evil.example/cb?tenant=1",
        "https://shop.example%2eevil.example/cb?tenant=1",
        "https://evilshop.example/cb?tenant=1",
        "https://evil.example\\@shop.example/cb?tenant=1",
        "//shop.example/cb?tenant=1",
        "/cb?tenant=1",
        "javascript:alert(1)//https://shop.example/cb?tenant=1",
        "https://shop.example/cb?tenant=1\r\nset-cookie: a=b",
        "https://shop.example/cb?tenant=1 ",
    ]
    .map(|uri| format!("{}&redirect_uri={}", start(&app.key), encode(uri)))
    .into();
    let twice = encode(registered);
    rows.push(format!(
        "{}&redirect_uri={twice}&redirect_uri={twice}",
        start(&app.key)
    ));
    rows.push(start(&two.key));
    rows.push(start("nobody"));
    rows.push(start(""));
    rows.push(start("%00"));
    rows.push(start("%zz"));
    rows.push(start("<script>").replace('<', "%3C").replace('>', "%3E"));
    rows.push(format!("{}&client_id={}", start(&app.key), app.key));
    rows.push("/authorization/authorize".to_owned());
    let mut browser = TestBrowser::new(&companion);
    for path in rows {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 400, "{path}: {page:?}");
        assert!(page.header("location").is_none(), "{path}: {page:?}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("form-action 'none'"), "{policy}");
        assert!(
            !page.body.contains("script") && !page.body.contains("evil"),
            "{page:?}"
        );
    }
    let page = browser.get(&start(&app.key)).await;
    assert_eq!(page.status, 200, "its only URI is meant: {page:?}");
}

#[tokio::test]
async fn disabled_apps_and_owners_get_nobody() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    companion.register("bob").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    let page = browser.log_in(&request(&app), "bob").await;
    companion.disable("alice").await;
    assert_eq!(browser.get(&request(&app)).await.status, 400);
    let allow = form(&page, "/authorization/consent").with("decision", "allow");
    let answer = browser.submit(&allow).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.header("location").is_none(), "{answer:?}");
}

#[tokio::test]
async fn requests_without_pkce_and_other_wrong_ones_go_back_as_errors() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let good = request(&app);
    let challenge = format!("&code_challenge={CHALLENGE}");
    let rows = [
        (good.replace(&challenge, ""), "invalid_request"),
        (good.replace("=S256", "=plain"), "invalid_request"),
        (
            good.replace("&code_challenge_method=S256", ""),
            "invalid_request",
        ),
        (good.replace(CHALLENGE, "abc"), "invalid_request"),
        (good.replace("&response_type=code", ""), "invalid_request"),
        (good.replace("=code", "=token"), "unsupported_response_type"),
        (format!("{good}&response_mode=form_post"), "invalid_request"),
        (format!("{good}{challenge}"), "invalid_request"),
        (format!("{good}&scope=a&scope=b"), "invalid_request"),
        (format!("{good}&scope=%22"), "invalid_scope"),
        (format!("{good}&resource=urn:unknown"), "invalid_target"),
    ];
    let mut browser = TestBrowser::new(&companion);
    // Whoever has not logged in goes nowhere: the app may have made the mistake on purpose.
    for (path, _) in &rows {
        stays(&browser.get(path).await);
    }
    let page = browser.get(&good).await;
    let login = form(&page, "/authorization/login");
    let wrong = login.fields["request"].replace("S256", "plain");
    for action in ["login", "consent", "logout"] {
        let mut form = login.clone().with("request", &wrong);
        form.action = format!("/authorization/{action}");
        form = form.with("username", "alice").with("password", "wrong");
        stays(&browser.submit(&form.with("decision", "deny")).await);
    }
    browser.log_in(&good, "alice").await;
    for (path, code) in rows {
        let back = returned(&browser.get(&path).await, CALLBACK);
        assert_eq!(back.get("error"), Some(code), "{path}");
        assert_eq!(back.get("state"), Some("af0ifjsldkj"), "{path}");
        assert_eq!(back.get("iss"), Some("https://id.shop.example"), "{path}");
    }
    for scope in ["orders.write", "nonsense", "backend.role"] {
        let path = format!("{good}&scope={scope}");
        let back = returned(&browser.get(&path).await, CALLBACK);
        assert_eq!(back.get("error"), Some("invalid_scope"), "{path}");
    }
    let answer = companion.send("POST", &good, &[], "").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
}

/// A page that says what is wrong, and leads nowhere.
fn stays(page: &Answer) {
    assert_eq!(page.status, 400, "{page:?}");
    assert!(page.header("location").is_none(), "{page:?}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'none'"), "{policy}");
    assert!(!page.body.contains("href=\"http"), "{page:?}");
}

#[tokio::test]
async fn a_code_ends_with_the_address_that_it_was_sent_to() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let path = format!("/consumer/app/{}", app.key);
    let set = async |uri: &str| {
        let body = json!({"redirect_uris": [uri]});
        let done = companion.put(&path, &body, &alice).await;
        assert_eq!(done.status, 200, "{done:?}");
    };
    let mut browser = TestBrowser::new(&companion);
    let asked = browser.code(&request(&app), "alice").await;
    let only = format!("&redirect_uri={}", encode(CALLBACK));
    let page = browser.get(&request(&app).replace(&only, "")).await;
    let unasked = browser.allow(&page).await.get("code").unwrap().to_owned();
    set("https://shop.example/other").await;
    let without = format!("grant_type=authorization_code&code_verifier={VERIFIER}&code={unasked}");
    for answer in [
        companion.redeem(&app, &asked).await,
        companion.token(&app, &without).await,
    ] {
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
    }
    // It was not used up: the address may have been removed by mistake.
    set(CALLBACK).await;
    assert_eq!(companion.redeem(&app, &asked).await.status, 200);
    assert_eq!(companion.token(&app, &without).await.status, 200);
}

#[tokio::test]
async fn a_code_is_for_its_client_its_address_and_its_verifier() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let other = companion.web_app(&alice, "other-app", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    let code = browser.code(&request(&app), "alice").await;
    let answer = companion.redeem(&other, &code).await;
    assert_eq!(
        error(&answer),
        (400, "invalid_grant".to_owned()),
        "another client's"
    );

    let verifier = format!("&code_verifier={VERIFIER}");
    let uri = format!("&redirect_uri={}", encode(CALLBACK));
    let grant = "grant_type=authorization_code";
    let good = format!("{grant}&code={code}{uri}{verifier}");
    let rows = [
        (good.replace(&verifier, ""), 400, "invalid_request"),
        (good.replace(&code, ""), 400, "invalid_request"),
        (good.replace(VERIFIER, CHALLENGE), 400, "invalid_grant"),
        (good.replace(VERIFIER, "abc"), 400, "invalid_grant"),
        (
            good.replace(VERIFIER, &"a".repeat(129)),
            400,
            "invalid_grant",
        ),
        (good.replace(&code, "nonsense"), 400, "invalid_grant"),
        (good.replace(&uri, ""), 400, "invalid_grant"),
        (good.replace("%2fcb", "%2fcb%2f"), 400, "invalid_grant"),
        (format!("{good}&code={code}"), 400, "invalid_request"),
    ];
    for (form, status, code) in rows {
        let answer = companion.token(&app, &form).await;
        assert_eq!(error(&answer), (status, code.to_owned()), "{form}");
    }
    let nobody = TestClient {
        key: app.key.clone(),
        secret: String::new(),
    };
    let answer = companion.redeem(&nobody, &code).await;
    assert_eq!(error(&answer), (401, "invalid_client".to_owned()));
    let answer = companion.redeem(&app, &code).await;
    assert_eq!(
        answer.status, 200,
        "none of them has used it up: {answer:?}"
    );
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_it_led_to() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let other = companion.web_app(&alice, "other-app", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    let code = browser.code(&request(&app), "alice").await;
    let first = companion.redeem(&app, &code).await.json();
    let page = browser.get(&request(&app)).await;
    let back = browser.allow(&page).await;
    let unrelated = companion
        .redeem(&app, back.get("code").unwrap())
        .await
        .json();
    assert_eq!(companion.redeem(&other, &code).await.status, 400);
    let token = first["refresh_token"].as_str().unwrap();
    let refresh = format!("grant_type=refresh_token&refresh_token={token}");
    let second = companion.token(&app, &refresh).await.json();
    assert!(
        second["refresh_token"].is_string(),
        "a guess of another client ends nothing"
    );

    let again = companion.redeem(&app, &code).await;
    assert_eq!(error(&again), (400, "invalid_grant".to_owned()));
    assert!(!companion.refreshes(&app, &first).await);
    assert!(!companion.refreshes(&app, &second).await);
    assert!(
        companion.refreshes(&app, &unrelated).await,
        "another grant goes on"
    );
}

async fn race(companion: &TestCompanion) {
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(companion);
    let code = browser.code(&request(&app), "alice").await;
    let answers = join_all((0..50).map(|_| companion.redeem(&app, &code))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{answers:?}");
    for answer in lost {
        assert_eq!(error(answer), (400, "invalid_grant".to_owned()));
    }
    assert!(
        !companion.refreshes(&app, &won[0].json()).await,
        "49 others had it"
    );
}

#[tokio::test]
async fn of_fifty_exchanges_one_succeeds_on_sqlite() {
    race(&TestCompanion::start().await).await;
}

#[tokio::test]
async fn of_fifty_exchanges_one_succeeds_on_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    race(&TestCompanion::on(&postgres.database("issuer"), folder).await).await;
}

#[tokio::test]
async fn forms_of_other_sites_sessions_and_browsers_do_nothing() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut mallory = TestBrowser::new(&companion);
    let foreign = form(&mallory.get(&request(&app)).await, "/authorization/login");
    let mut browser = TestBrowser::new(&companion);
    let login = form(&browser.get(&request(&app)).await, "/authorization/login");
    let login = login.with("username", "alice").with("password", PASSWORD);
    let of_login = login.fields["csrf"].clone();
    let wrong = [
        login.clone().without("csrf"),
        login.clone().with("csrf", ""),
        login.clone().with("csrf", &foreign.fields["csrf"]),
        login.clone().with("csrf", &browser.cookies[BROWSER]),
    ];
    for form in wrong {
        let answer = browser.submit(&form).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(!browser.cookies.contains_key(SESSION), "{answer:?}");
    }
    let next = location(&browser.submit(&login).await);
    let page = browser.get(&next).await;
    let consent = form(&page, "/authorization/consent").with("decision", "allow");
    let wrong = [
        consent.clone().without("csrf"),
        consent.clone().with("csrf", &foreign.fields["csrf"]),
        consent.clone().with("csrf", &of_login),
    ];
    for form in wrong {
        let answer = browser.submit(&form).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.header("location").is_none(), "{answer:?}");
    }
    // Without cookies the token is worth nothing, and neither is it from another site.
    let cookies = std::mem::take(&mut browser.cookies);
    assert_eq!(browser.submit(&consent).await.status, 403);
    let cookie: Vec<_> = cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let cookie = format!("cookie: {}", cookie.join("; "));
    let body = format!(
        "decision=allow&scope=orders.read&csrf={}&request={}",
        encode(&consent.fields["csrf"]),
        encode(&consent.fields["request"]),
    );
    for (site, status) in [
        ("cross-site", 403),
        ("same-site", 403),
        ("same-origin", 303),
    ] {
        let site = format!("sec-fetch-site: {site}");
        let headers = [crate::test_companion::FORM, &cookie, &site];
        let answer = companion
            .send("POST", "/authorization/consent", &headers, &body)
            .await;
        assert_eq!(answer.status, status, "{site}: {answer:?}");
    }
}

#[tokio::test]
async fn the_request_in_a_form_is_held_against_the_app_again() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    let page = browser.log_in(&request(&app), "alice").await;
    let consent = form(&page, "/authorization/consent").with("decision", "allow");
    let query = consent.fields["request"].clone();
    for wrong in [
        query.replace("shop.example", "evil.example"),
        query.replace(&app.key, "nobody"),
        String::new(),
        "\r\nlocation: https://evil.example/".to_owned(),
    ] {
        let answer = browser
            .submit(&consent.clone().with("request", &wrong))
            .await;
        assert_eq!(answer.status, 400, "{wrong}: {answer:?}");
        assert!(answer.header("location").is_none(), "{wrong}: {answer:?}");
    }
    let plain = query.replace("S256", "plain");
    let back = returned(
        &browser.submit(&consent.with("request", &plain)).await,
        CALLBACK,
    );
    assert_eq!(
        (back.get("error"), back.get("code")),
        (Some("invalid_request"), None)
    );
}

#[tokio::test]
async fn a_session_that_somebody_planted_gets_nobody_in() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    companion.register("mallory").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    for planted in ["a".repeat(43), {
        let mut mallory = TestBrowser::new(&companion);
        mallory.log_in(&request(&app), "mallory").await;
        mallory.cookies[SESSION].clone()
    }] {
        let mut browser = TestBrowser::new(&companion);
        browser.cookies.insert(SESSION.to_owned(), planted.clone());
        let page = browser.get(&request(&app)).await;
        // Whoever is logged in already is shown another form, with the same proof in it.
        let logged_in = page.body.contains("/authorization/consent");
        let shown = ["/authorization/login", "/authorization/consent"][usize::from(logged_in)];
        let mut login = form(&page, shown);
        login.action = "/authorization/login".to_owned();
        let login = login.with("username", "alice").with("password", PASSWORD);
        assert_eq!(browser.submit(&login).await.status, 303);
        assert_ne!(browser.cookies[SESSION], planted);
        let mut thief = TestBrowser::new(&companion);
        thief.cookies.insert(SESSION.to_owned(), planted);
        let page = thief.get(&request(&app)).await;
        assert!(page.body.contains("/authorization/login"), "{page:?}");
    }
}

#[tokio::test]
async fn a_disabled_user_has_neither_session_nor_code() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    companion.register("bob").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    let code = browser.code(&request(&app), "bob").await;
    let page = browser.get(&request(&app)).await;
    companion.disable("bob").await;
    let answer = companion.redeem(&app, &code).await;
    assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
    let allow = form(&page, "/authorization/consent").with("decision", "allow");
    let next = location(&browser.submit(&allow).await);
    let page = browser.get(&next).await;
    assert!(page.body.contains("/authorization/login"), "{page:?}");
}

#[tokio::test]
async fn texts_of_others_stay_texts() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let hostile = "</p><script>alert('1')</script><img src=x onerror=\"alert(1)\">";
    for (name, description) in [
        ("<script>alert(1)<script>", hostile),
        ("'onclick='x", hostile),
    ] {
        let body = json!({"name": name, "description": description});
        let made = companion.post("/backend/scope", &body, &admin).await;
        assert_eq!(made.status, 201, "{made:?}");
        companion.give_scope(name).await;
    }
    let body = json!({"name": "<b>app</b>", "redirect_uris": [CALLBACK]});
    let alice = companion.register("alice").await;
    let refused = companion.post("/consumer/app", &body, &alice).await;
    assert_eq!(refused.status, 400, "such a name is none: {refused:?}");
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let state = encode("\"><script>alert(1)</script>");
    let path = request(&app).replace("af0ifjsldkj", &state);
    let path = format!("{path}&error=%3Cscript%3E&error_description=%3Cscript%3E");
    let mut browser = TestBrowser::new(&companion);
    let login = browser.get(&path).await;
    let consent = browser.log_in(&path, "alice").await;
    assert!(
        consent
            .body
            .contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;")
    );
    for page in [&login, &consent] {
        for tag in ["<script", "<img", "<b>", "'onclick"] {
            assert!(!page.body.contains(tag), "{tag}: {page:?}");
        }
    }
    let back = browser.allow(&consent).await;
    assert_eq!(back.get("state"), Some("\"><script>alert(1)</script>"));
}
