//! A browser without eyes: it keeps cookies, follows what it is told to, and fills in forms.

use std::collections::BTreeMap;

use portcullis::identity::Form;
use serde_json::json;

use crate::client::Answer;
use crate::test_companion::{FORM, PASSWORD, TestClient, TestCompanion};

/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const CALLBACK: &str = "https://shop.example/cb";

pub(crate) struct TestBrowser<'a> {
    companion: &'a TestCompanion,
    pub(crate) cookies: BTreeMap<String, String>,
}

/// A form on a page, as it would be sent.
#[derive(Clone)]
pub(crate) struct TestForm {
    pub(crate) action: String,
    pub(crate) fields: BTreeMap<String, String>,
}

impl<'a> TestBrowser<'a> {
    pub(crate) fn new(companion: &'a TestCompanion) -> Self {
        let cookies = BTreeMap::new();
        Self { companion, cookies }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub(crate) async fn submit(&mut self, form: &TestForm) -> Answer {
        let fields = form.fields.iter();
        let pairs: Vec<String> = fields
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        self.send("POST", &form.action, &pairs.join("&")).await
    }

    /// Gets the page of a request and logs in there; returns the page after it.
    pub(crate) async fn log_in(&mut self, path: &str, username: &str) -> Answer {
        let page = self.get(path).await;
        let form = form(&page, "/authorization/login");
        let form = form.with("username", username).with("password", PASSWORD);
        let answer = self.submit(&form).await;
        let next = location(&answer);
        assert!(next.starts_with("/authorization/authorize?"), "{answer:?}");
        self.get(&next).await
    }

    /// Says yes on a consent page; returns the parameters that the app gets.
    pub(crate) async fn allow(&mut self, page: &Answer) -> Form {
        let form = form(page, "/authorization/consent").with("decision", "allow");
        returned(&self.submit(&form).await, CALLBACK)
    }

    /// A code for this request, from the login on.
    pub(crate) async fn code(&mut self, path: &str, username: &str) -> String {
        let page = self.log_in(path, username).await;
        self.allow(&page).await.get("code").unwrap().to_owned()
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookie = format!("cookie: {}", cookies.join("; "));
        let mut headers = vec![cookie.as_str()];
        if method == "POST" {
            headers.push(FORM);
        }
        let answer = self.companion.send(method, path, &headers, body).await;
        for cookie in set_cookies(&answer) {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

impl TestForm {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.remove(name).unwrap();
        self
    }
}

impl TestCompanion {
    /// An app with these redirect URIs, for the bearer of `token`.
    pub(crate) async fn web_app(&self, token: &str, name: &str, uris: &[&str]) -> TestClient {
        let body = json!({"name": name, "redirect_uris": uris});
        let answer = self.post("/consumer/app", &body, token).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        TestClient {
            key: text("app_key"),
            secret: text("app_secret"),
        }
    }

    pub(crate) async fn redeem(&self, client: &TestClient, code: &str) -> Answer {
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={VERIFIER}",
            encode(CALLBACK)
        );
        self.token(client, &form).await
    }
}

/// The usual request of an app.
pub(crate) fn request(client: &TestClient) -> String {
    format!(
        "/authorization/authorize?client_id={}&response_type=code&state=af0ifjsldkj\
         &redirect_uri={}&code_challenge={CHALLENGE}&code_challenge_method=S256",
        client.key,
        encode(CALLBACK)
    )
}

/// The form with this action, with its hidden fields.
pub(crate) fn form(page: &Answer, action: &str) -> TestForm {
    let start = format!("action=\"{action}\"");
    let (_, rest) = page
        .body
        .split_once(&start)
        .unwrap_or_else(|| panic!("{page:?}"));
    let (body, _) = rest.split_once("</form>").unwrap();
    let mut fields = BTreeMap::new();
    for input in body.split("<input type=\"hidden\"").skip(1) {
        let (tag, _) = input.split_once('>').unwrap();
        fields.insert(attribute(tag, "name"), attribute(tag, "value"));
    }
    let action = action.to_owned();
    TestForm { action, fields }
}

/// Where an answer sends the browser.
pub(crate) fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store"),
        "{answer:?}"
    );
    assert_eq!(
        answer.header("referrer-policy"),
        Some("no-referrer"),
        "{answer:?}"
    );
    answer.header("location").unwrap().to_owned()
}

/// The parameters with which an answer sends the browser back to `uri`.
pub(crate) fn returned(answer: &Answer, uri: &str) -> Form {
    let location = location(answer);
    let query = location.strip_prefix(&format!("{uri}?"));
    let query = query.unwrap_or_else(|| panic!("{location} is not at {uri}"));
    Form::parse(query.as_bytes()).unwrap()
}

pub(crate) fn set_cookies(answer: &Answer) -> Vec<String> {
    let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    let cookies = lines.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    cookies.map(|(_, value)| value.to_owned()).collect()
}

pub(crate) fn encode(text: &str) -> String {
    let bytes = text.bytes();
    let encoded = bytes.map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    });
    encoded.collect()
}

fn attribute(tag: &str, name: &str) -> String {
    let (_, rest) = tag.split_once(&format!("{name}=\"")).unwrap();
    let (value, _) = rest.split_once('"').unwrap();
    unescaped(value)
}

/// The text that stands for itself in HTML, read once: what an entity makes begins no other.
fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", '<'),
        ("&#60;", '<'),
        ("&gt;", '>'),
        ("&#62;", '>'),
        ("&quot;", '"'),
        ("&#34;", '"'),
        ("&#39;", '\''),
        ("&amp;", '&'),
        ("&#38;", '&'),
    ];
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let entity = entities.iter().find(|(entity, _)| rest.starts_with(entity));
        let (length, character) = entity
            .map_or((first.len_utf8(), first), |(entity, character)| {
                (entity.len(), *character)
            });
        plain.push(character);
        rest = &rest[length..];
    }
    plain
}
