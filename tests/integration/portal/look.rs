//! The look of a site: its accent and its logo, and the components that have it.

use serde_json::Value;

use super::*;

const PLAIN: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";

/// A companion with this logo.
fn with_logo(logo: &str) -> TestCompanion {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("logo.svg");
    std::fs::write(&file, logo).unwrap();
    let mut setup = setup(folder.path(), &sqlite(folder.path()));
    let keys = format!(
        ", portal: {{title: \"Shop & API\", logo_file: \"{}\"}}",
        file.display()
    );
    let closing = setup.extra.rfind('}').unwrap();
    setup.extra.insert_str(closing, &keys);
    TestCompanion::with(&setup, folder)
}

/// The path of the picture in the header of the start page.
async fn shown(companion: &TestCompanion) -> Option<String> {
    let start = page(&mut TestBrowser::new(companion), "/").await;
    let (_, rest) = start.body.split_once("<img src=\"")?;
    let (path, rest) = rest.split_once('"').unwrap();
    assert!(rest.starts_with(" alt=\"Shop &amp; API\">"), "{start:?}");
    let icon = format!("<link rel=\"icon\" href=\"{path}\">");
    assert!(start.body.contains(&icon), "{start:?}");
    Some(path.to_owned())
}

#[tokio::test]
async fn the_accent_of_the_settings_is_in_both_style_sheets() {
    let keys = ", portal: {accent: \"#7A1F5C\", accent_dark: \"#f0a8d8\"}";
    for (keys, light, dark) in [("", "#1f5f8b", "#7fbde6"), (keys, "#7a1f5c", "#f0a8d8")] {
        let companion = TestCompanion::with_issuer_keys(keys).await;
        let mut browser = TestBrowser::new(&companion);
        let start = page(&mut browser, "/").await;
        let (_, rest) = start.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
        let (path, _) = rest.split_once('"').unwrap();
        for path in [path, "/authorization/style.css"] {
            let style = browser.get(path).await;
            assert_eq!(style.status, 200, "{path}");
            let accents: Vec<&str> = style.body.split("--accent: ").skip(1).collect();
            let accents: Vec<&str> = accents.iter().map(|rest| &rest[..7]).collect();
            assert_eq!(accents, [light, dark], "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logo_is_on_each_page_and_a_reload_reads_it_anew() {
    let companion = with_logo(PLAIN);
    let first = shown(&companion).await.unwrap();
    let mut browser = TestBrowser::new(&companion);
    let logo = browser.get(&first).await;
    assert_eq!((logo.status, logo.body.as_str()), (200, PLAIN));
    for (header, value) in [
        ("content-type", "image/svg+xml"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        ),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(logo.header(header), Some(value));
    }
    assert_eq!(set_cookies(&logo), [""; 0], "others may keep it");

    let replace = |text: &str| {
        std::fs::write(companion.path().join("logo.svg"), text).unwrap();
        companion.gate.app.reload().unwrap();
    };
    replace("<svg><title>other</title></svg>");
    let second = shown(&companion).await.unwrap();
    assert_ne!(second, first);
    assert_eq!(browser.get(&first).await.status, 404);
    // What is wrong leaves the last good one, holds up nothing else, and is told.
    replace("<svg><script>alert(1)</script></svg>");
    assert_eq!(shown(&companion).await.unwrap(), second);
    assert_told(
        &companion,
        1,
        "logo.svg` has `<script`, which browsers ignore",
    )
    .await;
    replace(PLAIN);
    assert_eq!(shown(&companion).await.unwrap(), first);
    assert_told(&companion, 1, "").await;
}

/// What `/status` and the metrics tell of the files that the portal shows.
async fn assert_told(companion: &TestCompanion, failures: u64, error: &str) {
    let (_, status) = companion.gate.admin("/status").await;
    let status: Value = serde_json::from_str(&status).unwrap();
    let files = &status["portal_files"];
    assert_eq!(files["failures"], failures, "{status}");
    let errors = files["errors"].as_array().unwrap();
    assert_eq!(errors.len(), usize::from(!error.is_empty()), "{status}");
    for told in errors {
        let told = told.as_str().unwrap();
        assert!(told.starts_with("`issuer.portal.logo_file`: "), "{told}");
        assert!(told.contains(error), "{told}");
    }
    let (_, metrics) = companion.gate.admin("/metrics").await;
    for line in [
        format!(
            "\nportcullis_portal_files_success {}\n",
            u8::from(error.is_empty())
        ),
        format!("\nportcullis_portal_files_failures_total {failures}\n"),
    ] {
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn a_logo_that_cannot_be_read_ends_no_start() {
    let companion = with_logo("GIF89a");
    assert_eq!(shown(&companion).await, None);
    assert_told(&companion, 1, "logo.svg` is not a PNG, WebP or SVG image").await;
    // Where no file is named, nothing is said of any.
    let plain = TestCompanion::start().await;
    let (_, status) = plain.gate.admin("/status").await;
    assert!(!status.contains("portal_files"), "{status}");
    let (_, metrics) = plain.gate.admin("/metrics").await;
    assert!(!metrics.contains("portal_files"), "{metrics}");
}

#[tokio::test]
async fn the_page_of_the_components_has_each_of_them_in_both_languages() {
    let companion = TestCompanion::start().await;
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let english = page(&mut admin, "/panel/components").await;
    let german = in_german(&companion, &admin, "/panel/components").await;
    for answer in [&english, &german] {
        for component in [
            "class=\"done\" role=\"status\"",
            "class=\"notice\"",
            "class=\"wrong\" role=\"alert\"",
            "class=\"badge on\"",
            "class=\"badge off\"",
            "aria-describedby=\"wrong name-hint\"",
            "class=\"choice\"",
            "class=\"boxes\"",
            "role=\"search\"",
            "data-filter=\"#table tbody tr\" hidden",
            "<table class=\"cards\"",
            "rel=\"next\"",
            "data-copy=\"secret\"",
            "class=\"tabs\"",
            "class=\"actions\"",
            "class=\"empty\"",
        ] {
            assert!(answer.body.contains(component), "{component}: {answer:?}");
        }
        let copies = answer.body.matches("data-copy=").count();
        assert_eq!(answer.body.matches("\" hidden>").count(), copies + 1);
    }
    assert!(english.body.contains(">Copy</button>"), "{english:?}");
    assert!(german.body.contains(">Kopieren</button>"), "{german:?}");
}
