//! Each page: what it looks like to the byte, and that nothing of anybody is markup in it.

use super::*;

/// What somebody may call itself, or send.
const HOSTILE: &str = "</p><script>alert('1')</script>\" onfocus=\"x";
const ESCAPED: &str =
    "&lt;/p&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onfocus=&quot;x";

/// The site of these pages.
fn site(is_open: bool) -> Site<'static> {
    Site {
        name: Text::of("Shop & API"),
        is_open,
    }
}

/// A page of an app's request, below the name of the site.
fn whole(title: &str, main: &str) -> String {
    let title = format!("{title} – Shop &amp; API");
    let header = "<header>\n<p class=\"brand\"><a href=\"/\">Shop &amp; API</a></p>\n</header>\n";
    bare(&title, main).replace("<body>\n", &format!("<body>\n{header}"))
}

/// A page around `main`.
fn bare(title: &str, main: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <link rel=\"stylesheet\" href=\"/authorization/style.css\">\n</head>\n\
         <body>\n<main>\n{main}\n</main>\n</body>\n</html>\n"
    )
}

fn hidden(text: &str) -> HiddenFields {
    HiddenFields {
        request: Text::of(format!("request {text}")),
        token: Text::of(format!("token {text}")),
    }
}

const HIDDEN: &str = "<input type=\"hidden\" name=\"request\" value=\"request &amp;\">\n\
                      <input type=\"hidden\" name=\"csrf\" value=\"token &amp;\">";

fn failure(username: Text<'_>) -> ShownFailure<'_> {
    ShownFailure {
        username,
        reason: Text::of("The name or the password is wrong."),
        is_wrong: true,
    }
}

#[test]
fn the_login_page_asks_for_a_name_or_after_a_failure_for_the_password() {
    let page = |failed: Option<&'static str>| LoginPage {
        by_passkey: None,
        language: Language::English,
        choice: None,
        site: site(failed.is_none()),
        origin: hidden("&"),
        app: Text::of("web-shop"),
        sign_up: "/portal/sign-up?next=x".to_owned(),
        failed: failed.map(|name| failure(Text::of(name))),
    };
    let first = format!(
        "<h1>Log in</h1>\n<p>to continue to <strong>web-shop</strong></p>\n\
         <form method=\"post\" action=\"/authorization/login\" class=\"narrow\">\n{HIDDEN}\n\
         <div class=\"field\">\n<label for=\"username\">Username or e-mail address</label>\n\
         <input id=\"username\" name=\"username\" value=\"\" autocomplete=\"username\" \
         autocapitalize=\"none\" spellcheck=\"false\" required autofocus>\n\
         </div>\n<div class=\"field\">\n<label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required>\n\
         </div>\n<p class=\"actions\"><button>Log in</button></p>\n</form>\n\
         <p>No account yet? <a href=\"/portal/sign-up?next=x\">Sign up</a>. You come back to the app afterwards.</p>\n\
         <p class=\"hint\">Forgot your password? This site sends no e-mail: ask an administrator for a link. Lost passkeys are removed by the operator.</p>"
    );
    let again = format!(
        "<h1>Log in</h1>\n<p>to continue to <strong>web-shop</strong></p>\n\
         <p role=\"alert\" id=\"wrong\" class=\"wrong\">The name or the password is wrong.</p>\n\
         <form method=\"post\" action=\"/authorization/login\" class=\"narrow\">\n{HIDDEN}\n\
         <div class=\"field\">\n<label for=\"username\">Username or e-mail address</label>\n\
         <input id=\"username\" name=\"username\" value=\"alice\" autocomplete=\"username\" \
         autocapitalize=\"none\" spellcheck=\"false\" required aria-describedby=\"wrong\" \
         aria-invalid=\"true\">\n\
         </div>\n<div class=\"field\">\n<label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required aria-describedby=\"wrong\" \
         aria-invalid=\"true\" autofocus>\n\
         </div>\n<p class=\"actions\"><button>Log in</button></p>\n</form>\n\
         <p class=\"hint\">Forgot your password? This site sends no e-mail: ask an administrator for a link. Lost passkeys are removed by the operator.</p>"
    );
    assert_eq!(page(None).render().unwrap(), whole("Log in", &first));
    let rendered = page(Some("alice")).render().unwrap();
    assert_eq!(rendered, whole("Error: Log in", &again));
}

fn consent_page(text: &str) -> ConsentPage<'_> {
    ConsentPage {
        language: Language::English,
        choice: None,
        site: site(true),
        origin: hidden("&"),
        app: Text::of(text),
        owner: Text::of(text),
        user: Text::of(text),
        back: Text::of(text),
        scopes: vec![
            ShownScope {
                name: Text::of(text),
                description: Text::of(text),
            },
            ShownScope {
                name: Text::of("b"),
                description: Text::of(""),
            },
        ],
        shown: Text::of(text),
    }
}

#[test]
fn the_consent_page_shows_who_asks_for_what_and_where_it_leads() {
    let main = format!(
        "<h1>Allow <strong>a</strong> to act for you?</h1>\n\
         <p>The application <strong>a</strong> of the user <strong>a</strong> asks for:</p>\n<ul>\n\
         <li>a <code>a</code></li>\n<li><code>b</code></li>\n\
         </ul>\n<p>You will go back to <strong>a</strong>.</p>\n\
         <form method=\"post\" action=\"/authorization/consent\">\n{HIDDEN}\n\
         <input type=\"hidden\" name=\"scope\" value=\"a\">\n\
         <p class=\"actions\"><button name=\"decision\" value=\"allow\">Allow</button>\n\
         <button name=\"decision\" value=\"deny\" class=\"quiet\">Deny</button></p>\n</form>\n\
         <form method=\"post\" action=\"/authorization/logout\" class=\"session\">\n{HIDDEN}\n\
         <p>You are logged in as <strong>a</strong>. \
         <button class=\"link\">Log out</button></p>\n</form>"
    );
    let rendered = consent_page("a").render().unwrap();
    assert_eq!(rendered, whole("Allow access", &main));
}

#[test]
fn the_other_pages_say_what_to_do() {
    let language = Language::English;
    let rows = [
        (
            OutOfDatePage { language }.render(),
            "<h1>This page is out of date</h1>\n\
             <p>It belongs to another login, or the browser keeps no cookies for this site. \
             Nothing has been done.</p>\n\
             <p>Go back to the application and try again.</p>",
        ),
        (
            NotNowPage {
                language,
                text: language.words().not_now,
            }
            .render(),
            "<h1>Not now</h1>\n<p>The request could not be answered. Try again in a moment.</p>",
        ),
        (
            DamagedFormPage { language }.render(),
            "<h1>This request cannot be answered</h1>\n\
             <p>The form is damaged. Go back to the application and try again.</p>",
        ),
    ];
    for (rendered, main) in rows {
        assert_eq!(rendered.unwrap(), bare("Error", main));
    }
    let unanswerable = UnanswerablePage {
        language,
        site: site(true),
        fault: Text::of("no such app"),
    };
    let main = "<h1>This request cannot be answered</h1>\n\
                <p>An application sent you here with an invalid request: no such app.</p>\n\
                <p>Go back to the application and try again. If it happens again, tell whoever runs \
                it.</p>\n\
                <p><a href=\"/\">Back to the start page</a></p>";
    assert_eq!(unanswerable.render().unwrap(), whole("Error", main));
}

/// In every place of every page where text of anybody stands.
#[test]
fn text_of_anybody_is_markup_on_no_page() {
    let login = |failed: Option<Text<'static>>| LoginPage {
        by_passkey: None,
        language: Language::English,
        choice: None,
        site: site(failed.is_none()),
        origin: hidden(HOSTILE),
        app: Text::of(HOSTILE),
        sign_up: String::new(),
        failed: failed.map(failure),
    };
    let fault = UnanswerablePage {
        language: Language::English,
        site: site(true),
        fault: Text::of(HOSTILE),
    };
    let mut consent = consent_page(HOSTILE);
    consent.origin = hidden(HOSTILE);
    // How often it stands there.
    let rows = [
        (login(None).render(), 3),
        (login(Some(Text::of(HOSTILE))).render(), 4),
        (consent.render(), 12),
        (fault.render(), 1),
    ];
    for (rendered, expected) in rows {
        let html = rendered.unwrap();
        assert_eq!(html.matches(ESCAPED).count(), expected, "{html}");
        for markup in ["<script", "</script", "\" onfocus", "alert('"] {
            assert!(!html.contains(markup), "{markup} in {html}");
        }
    }
}

/// A template that shows something else than a `Text` escapes it as well.
#[test]
fn what_is_no_text_of_ours_is_escaped_by_the_library() {
    #[derive(Template)]
    #[template(source = "{{ name }}", ext = "html")]
    struct Careless {
        name: String,
    }
    let careless = Careless {
        name: HOSTILE.to_owned(),
    };
    let html = careless.render().unwrap();
    assert!(!html.contains(['<', '>', '"', '\'']), "{html}");
}

#[test]
fn forms_lead_to_us_and_to_the_app() {
    let rows = [
        (
            "https://shop.example/cb?x",
            "'self' https://shop.example",
            "'self' https:",
        ),
        (
            "http://127.0.0.1:4711/",
            "'self' http://127.0.0.1:4711",
            "'self' http:",
        ),
        ("http://[::1]:4711/", "'self' http:", "'self' http:"),
    ];
    for (uri, login, consent) in rows {
        let uri = RedirectUri::parse(uri).unwrap();
        assert_eq!(login_targets(&uri), login);
        assert_eq!(consent_targets(&uri), consent);
    }
}
