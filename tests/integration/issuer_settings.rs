//! The issuer's section of the configuration: what is refused, and how its bounds depend on each other.

use portcullis::config::{Config, ConfigError, Overrides};

#[test]
fn a_configuration_that_cannot_be_is_told_key_by_key() {
    let good = "url: \"https://id.shop.example\", audiences: [orders-api]";
    let companion = "issuer: \"https://id.shop.example\", audiences: [orders-api], \
                     algorithms: [ES256], keys: companion";
    let rows = [
        (good, companion, ""),
        (
            "url: \"id.shop.example\"",
            companion,
            "`issuer.url: id.shop.example` is not a valid issuer",
        ),
        (
            "url: \"https://id.shop.example/\"",
            companion,
            "is not a valid issuer",
        ),
        (
            "url: \"https://id.shop.example\"",
            companion,
            "none of its `audiences`",
        ),
        (
            &format!("{good}, store: \"mysql://x\""),
            companion,
            "`issuer.store` is not valid",
        ),
        (
            &format!("{good}, address: here"),
            companion,
            "`issuer.address: here`",
        ),
        (
            &format!("{good}, grants: [implicit]"),
            companion,
            "`implicit` is not supported",
        ),
        (
            &format!("{good}, access_token_seconds: 0"),
            companion,
            "out of bounds",
        ),
        (
            &format!("{good}, secret_overlap_seconds: 2592001"),
            companion,
            "out of bounds",
        ),
        (&format!("{good}, colour: red"), companion, "colour"),
        (
            good,
            &companion.replace("id.shop", "other"),
            "is for the issuer in this process",
        ),
        (
            good,
            &companion.replace("companion", "elsewhere"),
            "have exactly one source of keys",
        ),
        (
            good,
            &format!("{companion}, jwks_file: a.json"),
            "have exactly one source of keys",
        ),
        ("", companion, "needs the section `issuer`"),
    ];
    for (issuer, trust, says) in rows {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.yaml");
        let section = if issuer.is_empty() {
            String::new()
        } else {
            format!("issuer: {{{issuer}}}\n")
        };
        let text = format!("version: 1\npolicy: [policy.yaml]\ntrust: [{{{trust}}}]\n{section}");
        std::fs::write(&path, text).unwrap();
        match Config::load(&path, &Overrides::default()) {
            Ok(_) => assert_eq!(says, "", "{issuer}; {trust}"),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    !says.is_empty() && error.contains(says),
                    "{issuer}; {trust}: {error}"
                );
            }
        }
    }
}

/// What fits a long list would let one user fill a short one.
#[test]
fn a_short_list_of_revocations_makes_the_bounds_of_one_smaller() {
    let rows = [
        ("", (1000, 10_000)),
        (", max_revocations: 100000", (1000, 10_000)),
        (", max_revocations: 50", (5, 5)),
        (", max_revocations: 1", (1, 1)),
        (", max_revocations: 5000", (500, 500)),
        (
            ", max_revocations: 5000, max_revocations_per_user: 7",
            (7, 500),
        ),
    ];
    for (keys, expected) in rows {
        let issuer = config_with_issuer(keys).unwrap().issuer.unwrap();
        let bounds = (
            issuer.max_revocations_per_user,
            issuer.max_revocations_per_app,
        );
        assert_eq!(bounds, expected, "{keys}");
    }
}

#[test]
fn bounds_of_one_that_fill_the_list_of_revocations_are_refused() {
    let rows = [
        (
            ", max_revocations: 50, max_revocations_per_user: 6",
            "`issuer.max_revocations_per_user: 6` is more than a tenth of \
             `issuer.max_revocations: 50`",
        ),
        (
            ", max_revocations: 5000, max_revocations_per_app: 501",
            "write at most 500, or raise `issuer.max_revocations`",
        ),
        (
            ", max_revocations: 3, max_revocations_per_app: 2",
            "write at most 1",
        ),
        (", max_revocations_per_user: 0", "write at least 1"),
    ];
    for (keys, says) in rows {
        let said = config_with_issuer(keys).unwrap_err().to_string();
        assert!(said.contains(says), "{keys}: {said}");
    }
}

/// The section is there: to ask for it would send its reader the wrong way.
#[test]
fn a_section_with_mistakes_is_not_called_absent() {
    let error = config_with_issuer(", address: here, grants: [implicit]").unwrap_err();
    let said = error.to_string();
    assert!(said.contains("`issuer.address: here`"), "{said}");
    assert!(said.contains("`implicit`"), "{said}");
    assert!(!said.contains("needs the section"), "{said}");
    assert_eq!(said.matches("error: ").count(), 2, "{said}");
}

/// A configuration with a feed, a companion and these further keys of its issuer.
fn config_with_issuer(keys: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.yaml");
    let text = format!(
        "version: 1\npolicy: [policy.yaml]\n\
         listeners: {{feed: {{address: \"127.0.0.1:9193\", token_file: t}}}}\n\
         trust: [{{issuer: \"https://id.shop.example\", audiences: [orders-api], \
         algorithms: [ES256], keys: companion}}]\n\
         issuer: {{url: \"https://id.shop.example\", audiences: [orders-api]{keys}}}\n"
    );
    std::fs::write(&path, text).unwrap();
    Config::load(&path, &Overrides::default())
}
