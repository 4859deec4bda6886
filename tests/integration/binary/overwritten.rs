//! What a gate writes for its own next start takes the place of nothing else.

use std::fs;

use super::bad_input::{check, replace};

/// The policy, the configuration or the keys would be gone after the first fetch.
#[test]
fn files_with_another_purpose_are_refused() {
    let cached = |file: &str| format!("jwks_uri: https://keys.example/, jwks_cache_file: {file}");
    let feed = |file: &str| {
        format!("feed: {{addresses: [\"https://feed.example:9193\"], snapshot_file: {file}}}")
    };
    let (cache, snapshot) = (
        "`trust[0].jwks_cache_file`: the gate would overwrite",
        "`trust[0].feed.snapshot_file`: the gate would overwrite",
    );
    for (keys, words) in [
        (cached("policy.yaml"), [cache, "which `policy` names"]),
        (cached("portcullis.yaml"), [cache, "which `--config` names"]),
        (
            cached("sub/../jwks.json"),
            [cache, "which `trust[1]` names"],
        ),
        (cached("link"), [cache, "which `policy` names"]),
        (feed("policy.yaml"), [snapshot, "which `policy` names"]),
        (
            feed("folder/added.yaml"),
            [snapshot, "which `policy` names"],
        ),
        (feed("token"), [snapshot, "which `trust[0].feed` names"]),
    ] {
        let entry = format!(
            "{{issuer: \"https://a.example\", audiences: [b], algorithms: [ES256], {}}}",
            keys.replace("snapshot_file", "token_file: token, snapshot_file")
        );
        check(
            &keys,
            |folder| {
                fs::create_dir(folder.join("sub")).unwrap();
                fs::create_dir(folder.join("folder")).unwrap();
                fs::write(folder.join("token"), "x".repeat(43)).unwrap();
                std::os::unix::fs::symlink("policy.yaml", folder.join("link")).unwrap();
                replace(folder, "trust: [", &format!("trust: [{entry}, "));
                replace(folder, "policy: [", "policy: [folder, ");
            },
            &words,
        );
    }
}

/// By whatever way two entries name one file.
#[test]
fn one_file_by_two_ways_is_one_file() {
    let entry = |issuer: &str, file: &str| {
        format!(
            "{{issuer: \"https://{issuer}\", audiences: [b], algorithms: [ES256], \
             jwks_uri: https://keys.example/, jwks_cache_file: {file}}}"
        )
    };
    let both = format!(
        "{}, {}",
        entry("a.example", "keys"),
        entry("b.example", "sub/../keys")
    );
    check(
        "one file by two ways",
        |folder| {
            fs::create_dir(folder.join("sub")).unwrap();
            replace(folder, "trust: [", &format!("trust: [{both}, "));
        },
        &[
            "`trust[1].jwks_cache_file: sub/../keys` is that of another entry, `trust[0].jwks_cache_file`",
        ],
    );
}
