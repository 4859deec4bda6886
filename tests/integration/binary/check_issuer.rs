//! `portcullis check`: what is wrong, or may not be meant, in the section `issuer`.

use super::check::folder;
use super::{run, text};
use crate::test_tls::Authority;

/// What `check` says of a section `issuer`, and whether that is an error.
fn said(policy: &str, section: &str) -> (i32, String) {
    let folder = folder(policy);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    // Its owner alone may read it, as it must be with a store.
    crate::test_tls::write(folder.path(), "notes.txt", "this is no database\n");
    let description = "openapi: 3.0.3\ninfo: {title: Shop, version: '1'}\npaths:\n  /a:\n    get: {responses: \
                       {}}\n  /b/{id}:\n    delete: {responses: {}}\n";
    write("shop.yaml", description);
    write(
        "misspelt.yaml",
        &description.replace("    get:", "    gte:"),
    );
    write("empty.yaml", "");
    let config = format!(
        "version: 1\npolicy: [policy.yaml]\nissuer:\n  url: https://id.shop.example\n  audiences: [a]\n{section}"
    );
    write("portcullis.yaml", &config);
    let output = run(&["check", "--config", "portcullis.yaml"], folder.path());
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code().unwrap(), said)
}

const POLICY: &str = "version: 1\nroutes: [{name: a, methods: [GET], path: /a, access: public}]\n";

#[test]
fn what_loads_and_may_not_be_meant_is_warned_of() {
    for (section, words) in [
        (
            "  trusted_proxies: [10.0.0.0/8, 0.0.0.0/0]\n",
            "whoever calls can write any address",
        ),
        (
            "  trusted_proxies: ['::/0']\n",
            "whoever calls can write any address",
        ),
        ("  grants: []\n", "`issuer.grants` is empty"),
        (
            "  sessions: {idle_seconds: 7200, max_seconds: 3600}\n",
            "has no effect",
        ),
        (
            "  throttle: {account: {burst: 5, refill_seconds: 10}}\n",
            "`issuer.throttle.account.burst: 5` is less than",
        ),
        (
            "  address: 0.0.0.0:8080\n  portal: {proxy: {url: \"http://127.0.0.1:8080\"}}\n",
            "is the address of `issuer.address`",
        ),
        (
            "  portal: {proxy: {url: \"http://127.0.0.1:9194\"}}\n",
            "is the address of `listeners.admin.address`",
        ),
        (
            "  portal: {example_url: https://api.shop.example/orders/1}\n",
            "is under no route of the policy for `GET`",
        ),
        (
            "  portal: {openapi_files: [shop.yaml]}\n",
            "the operation `DELETE /b/{id}` is under no route",
        ),
    ] {
        let (code, said) = said(POLICY, section);
        assert_eq!(code, 0, "{section}{said}");
        assert_eq!(said.matches("warning:").count(), 1, "{section}{said}");
        assert!(said.contains(words), "{section}{said}");
    }
    let fine = "  trusted_proxies: [10.0.0.0/8]\n  sessions: {max_seconds: 600}\n  portal:\n    \
                example_url: https://api.shop.example/a\n    proxy: {url: https://api.shop.example}\n";
    let (code, said) = said(POLICY, fine);
    assert_eq!((code, said.matches("warning:").count()), (0, 0), "{said}");
}

#[test]
fn what_would_end_a_start_is_found_before_it() {
    for (section, words) in [
        (
            "  trusted_proxies: [10.0.0.1/8]\n",
            "write `10.0.0.0/8` for the whole range",
        ),
        ("  store: sqlite:notes.txt\n", "is not an SQLite database"),
        (
            "  store: postgres://u@h/d?sslmode=verify_full\n",
            "`sslmode` has a value that is not known",
        ),
        (
            "  store: postgres://u@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem\n",
            "the `sslrootcert` of the URL, `/nowhere/ca.pem`, cannot be read",
        ),
        (
            "  store: postgres://u@h/d?sslmod=require\n",
            "write a question mark in a password as `%3F`",
        ),
        (
            "  portal: {openapi_files: [empty.yaml]}\n",
            "empty.yaml:1:1",
        ),
        (
            "  portal: {openapi_files: [misspelt.yaml]}\n",
            "misspelt.yaml:5:5",
        ),
        (
            "  max_connections: 0\n",
            "`issuer.max_connections: 0` is out of bounds",
        ),
    ] {
        let (code, said) = said(POLICY, section);
        assert_eq!(code, 1, "{section}{said}");
        assert_eq!(said.matches("error:").count(), 1, "{section}{said}");
        assert!(said.contains(words), "{section}{said}");
    }
}

#[test]
fn audiences_that_are_missing_are_named() {
    let folder = folder(POLICY);
    let config = "version: 1\npolicy: [policy.yaml]\nissuer: {url: \"https://id.shop.example\"}\n\
                  trust: [{issuer: \"https://id.shop.example\", audiences: [orders-api], algorithms: [ES256], \
                  keys: companion}]\n";
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let output = run(&["check", "--config", "portcullis.yaml"], folder.path());
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let words = "add `audiences: [orders-api]` to the section `issuer`, which lists none";
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_certificate_for_another_host_than_that_of_the_url_is_warned_of() {
    let config = "version: 1\npolicy: [policy.yaml]\nissuer:\n  url: https://id.shop.example:8443\n  audiences: [a]\n  \
                  tls: {cert_file: id.pem, key_file: id.key}\n";
    for (host, expected) in [
        ("id.shop.example", false),
        ("shop.example", true),
        ("127.0.0.1", true),
    ] {
        let folder = folder(POLICY);
        Authority::new("id")
            .certify(host)
            .write(folder.path(), "id");
        std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
        let output = run(&["check", "--config", "portcullis.yaml"], folder.path());
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let words = "is not for `id.shop.example`, the host of `issuer.url`";
        assert_eq!(said.contains(words), expected, "{host}: {said}");
    }
}
