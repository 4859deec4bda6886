use crate::files::read_secret;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;

use clap::Parser;

use super::*;

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    args: KeyArgs,
}

fn key(args: &[&str]) -> anyhow::Result<String> {
    let line = CommandLine::try_parse_from([&["key"], args].concat())?;
    let mut out = Vec::new();
    assert_eq!(run(&line.args, &mut out)?, Finding::Yes);
    Ok(String::from_utf8(out)?)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_key_pair_goes_into_two_files() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = (
        folder.path().join("key.pem"),
        folder.path().join("jwks.json"),
    );
    let (out, jwks) = (private.to_str().unwrap(), public.to_str().unwrap());
    let told = key(&[
        "generate",
        "--algorithm",
        "EdDSA",
        "--out",
        out,
        "--jwks",
        jwks,
    ])
    .unwrap();

    let text = read_secret(&private).unwrap();
    let signing = SigningKey::read(&text, Algorithm::EdDsa).unwrap();
    assert_eq!(mode(&private), 0o600);
    let id = signing.id().unwrap();
    assert_eq!(
        told,
        format!("key id      {id}\nalgorithm   EdDSA\nprivate key {out}\npublic JWKS {jwks}\n")
    );
    let jwks: serde_json::Value = serde_json::from_slice(&fs::read(&public).unwrap()).unwrap();
    assert_eq!(jwks, json!({"keys": [signing.public_jwk().unwrap()]}));
}

#[test]
fn a_secret_goes_into_one_file_and_has_no_jwks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let out = path.to_str().unwrap();
    let told = key(&["generate", "--algorithm", "HS512", "--out", out]).unwrap();
    let text = read_secret(&path).unwrap();
    assert!(SigningKey::read(&text, Algorithm::Hs512).is_ok());
    assert!(!told.contains(str::from_utf8(&text).unwrap().trim()));
    assert!(told.contains(&format!("secret      {out}\n")), "{told}");

    let (jwks, other) = (folder.path().join("jwks.json"), folder.path().join("other"));
    let (jwks_name, out) = (jwks.to_str().unwrap(), other.to_str().unwrap());
    let error = key(&[
        "generate",
        "--algorithm",
        "HS256",
        "--out",
        out,
        "--jwks",
        jwks_name,
    ]);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("no public key to put into a JWKS"),
        "{error}"
    );
    assert!(!jwks.exists() && !other.exists());
}

#[test]
fn only_a_dash_sends_the_key_to_standard_output() {
    let text = key(&["generate", "--out", "-"]).unwrap();
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(text.ends_with("-----END PRIVATE KEY-----\n"));
    assert!(SigningKey::read(text.as_bytes(), Algorithm::Es256).is_ok());
    assert!(key(&["generate"]).is_err());
}

#[test]
fn no_file_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    fs::write(&old, "precious").unwrap();
    let (old_name, new_name) = (old.to_str().unwrap(), new.to_str().unwrap());
    for (out, jwks) in [(old_name, new_name), (new_name, old_name)] {
        let error = key(&["generate", "--out", out, "--jwks", jwks]).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot create `{old_name}`"));
        assert_eq!(fs::read(&old).unwrap(), b"precious");
        assert!(!new.exists(), "nothing is left behind");
    }
}

#[test]
fn unknown_algorithms_are_refused_with_the_known_ones() {
    for name in ["none", "ES512", "es256"] {
        let error = key(&["generate", "--algorithm", name, "--out", "-"]).unwrap_err();
        assert!(
            error.to_string().contains("use one of HS256, HS384"),
            "{error}"
        );
    }
}

#[test]
fn key_files_that_others_can_touch_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, "text").unwrap();
    let read_as = |mode| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read_secret(&path)
    };
    for mode in [0o600, 0o640, 0o440, 0o400] {
        assert_eq!(read_as(mode).unwrap(), b"text", "{mode:o}");
    }
    for mode in [0o644, 0o604, 0o666, 0o602] {
        let error = format!("{:#}", read_as(mode).unwrap_err());
        assert!(error.contains("is not safe: everybody can"), "{error}");
    }
}

#[test]
fn links_are_followed_and_other_things_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("key"), folder.path().join("link"));
    create(&path, "text", PRIVATE_MODE).unwrap();
    symlink(&path, &link).unwrap();
    assert_eq!(read_secret(&link).unwrap(), b"text");
    let error = read_secret(folder.path()).unwrap_err();
    assert!(error.to_string().contains("is not a file"), "{error}");
    assert!(read_secret(&folder.path().join("missing")).is_err());
    let long = folder.path().join("long");
    create(&long, &"a".repeat(65_537), PRIVATE_MODE).unwrap();
    assert!(
        read_secret(&long)
            .unwrap_err()
            .to_string()
            .contains("larger than")
    );
}
