mod explanations;

use std::fs;
use std::path::Path;

use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::cli::Finding;
use crate::clock::UnixSeconds;
use crate::token::{Algorithm, IssuerRules, KeySet, SigningKey, Trust, generate_key};

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    args: TokenArgs,
}

/// A key in a file of its own, and trust in it.
struct Shop {
    folder: tempfile::TempDir,
    key: SigningKey,
}

impl Shop {
    fn new(algorithm: Algorithm) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = generate_key(algorithm).unwrap();
        let path = folder.path().join("key");
        fs::write(&path, text.reveal()).unwrap();
        set_mode(&path, 0o600);
        let key = SigningKey::read(text.reveal().as_bytes(), algorithm).unwrap();
        Self { folder, key }
    }

    fn issue(&self, more: &[&str]) -> anyhow::Result<String> {
        let key = self.folder.path().join("key");
        let key = key.to_str().unwrap();
        let right = [
            "token",
            "issue",
            "--key",
            key,
            "--algorithm",
            self.key.algorithm().name(),
        ];
        let claims = [
            "--issuer",
            "https://id",
            "--audience",
            "api",
            "--subject",
            "ann",
        ];
        let line = CommandLine::try_parse_from([&right[..], &claims, more].concat())?;
        let TokenCommand::Issue(args) = line.args.command else {
            panic!("not issue")
        };
        let mut out = Vec::new();
        assert_eq!(issue(&args, NOW, &mut out)?, Finding::Yes);
        Ok(String::from_utf8(out)?)
    }

    fn trust(&self) -> Trust {
        Trust::new(vec![(self.rules(), Some(self.keys()))]).unwrap()
    }

    fn keys(&self) -> KeySet {
        let jwks = json!({"keys": [self.key.public_jwk().unwrap()]}).to_string();
        let (keys, _) = KeySet::from_jwks(jwks.as_bytes(), &[self.key.algorithm()]).unwrap();
        keys
    }

    fn rules(&self) -> IssuerRules {
        let algorithms = [self.key.algorithm()];
        IssuerRules::of_access_tokens("staff", "https://id", &["api"], &algorithms)
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn look(trust: Option<&Trust>, token: &str) -> (Finding, String) {
    let mut out = Vec::new();
    let evidence = trust.cloned().map(Evidence::from);
    let outcome = inspect(evidence.as_ref(), token, NOW, &mut out).unwrap();
    (outcome, String::from_utf8(out).unwrap())
}

#[track_caller]
fn refused(trust: &Trust, token: &str, expected: &str) {
    let (outcome, text) = look(Some(trust), token);
    assert_eq!(outcome, Finding::No, "{text}");
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn what_is_issued_is_accepted() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let shop = Shop::new(algorithm);
        let token = shop
            .issue(&[
                "--client",
                "app",
                "--scope",
                "a b",
                "--claim",
                r#"tenant="x""#,
            ])
            .unwrap();
        let (outcome, text) = look(Some(&shop.trust()), &token);
        assert_eq!(outcome, Finding::Yes, "{text}");
        assert!(text.contains("  kid: "), "{text}");
        assert!(text.contains("  tenant: \"x\"\n"), "{text}");
        assert!(
            text.contains("  exp: 1700003600  (2023-11-14T23:13:20Z, in 1 hour)\n"),
            "{text}"
        );
        assert!(
            text.ends_with(
                "accepted\n  issuer: https://id\n  subject: ann\n  scopes: a b\n  expires: \
                 2023-11-14T23:13:20Z, in 1 hour\n"
            ),
            "{text}"
        );
        let signature = token.trim().rsplit_once('.').unwrap().1;
        assert!(!text.contains(signature), "the signature is not shown");
    }
}

#[test]
fn the_options_become_claims_and_header() {
    let shop = Shop::new(Algorithm::Hs256);
    let token = shop
        .issue(&[
            "--audience",
            "other",
            "--issued-at",
            "5",
            "--lifetime-seconds",
            "-3",
            "--type",
            "JWT",
            "--kid",
            "k",
            "--claim",
            "jti=\"id\"",
            "--claim",
            "nbf=1",
        ])
        .unwrap();
    let content = crate::token::UnverifiedToken::parse(token.trim().as_bytes()).unwrap();
    let content = content.content().unwrap();
    assert_eq!(
        Value::Object(content.header),
        json!({"alg": "HS256", "typ": "JWT", "kid": "k"})
    );
    assert_eq!(
        Value::Object(content.claims),
        json!({
            "iss": "https://id", "aud": ["api", "other"], "sub": "ann", "iat": 5, "exp": 2,
            "jti": "id", "nbf": 1,
        })
    );
}

#[test]
fn claims_that_cannot_be_meant_are_refused() {
    let shop = Shop::new(Algorithm::Es256);
    for (claim, expected) in [
        ("tenant=x", "text needs quotes, `tenant=\"text\"`"),
        ("tenant", "expected NAME=JSON"),
        ("exp=5", "`exp` has an option of its own"),
    ] {
        let error = shop.issue(&["--claim", claim]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = shop
        .issue(&["--claim", "a=1", "--claim", "a=2"])
        .unwrap_err()
        .to_string();
    assert_eq!(error, "the claim `a` is given twice");
}

#[test]
fn key_files_that_cannot_be_used_are_refused() {
    let shop = Shop::new(Algorithm::Es256);
    let path = shop.folder.path().join("key");
    set_mode(&path, 0o644);
    let error = format!("{:#}", shop.issue(&[]).unwrap_err());
    assert!(error.contains("everybody can read it"), "{error}");
    set_mode(&path, 0o640);
    assert!(shop.issue(&[]).is_ok());
    fs::write(&path, "text").unwrap();
    let error = format!("{:#}", shop.issue(&[]).unwrap_err());
    assert!(error.contains("holds no key in PEM"), "{error}");
}

#[test]
fn tokens_that_only_their_issuer_can_read_are_called_so() {
    let trust = Shop::new(Algorithm::Es256).trust();
    refused(
        &trust,
        "gho_16C7e42F292c6912E7",
        "refused: it is an opaque token, which only its issuer can read\n  help: ask the issuer for a \
         JWT access token; many issue one only where the request names the API, such as by `audience` at \
         Auth0\n  at GitHub: these tokens are for GitHub's own API: in a workflow, ask for an ID token\n",
    );
    for (token, advice) in [
        ("ya29.a0AfB", "at Google: "),
        ("ya29.c.b0Aa", "at Google: "),
        ("ory_at_key.signature", "at Ory Hydra: "),
        ("github_pat_11AA", "at GitHub: "),
        ("ghs_11AA", "at GitHub: "),
    ] {
        let (outcome, text) = look(Some(&trust), token);
        assert_eq!(outcome, Finding::No, "{text}");
        assert!(text.contains("it is an opaque token"), "{text}");
        assert!(text.contains(advice), "{text}");
    }
    let (_, text) = look(Some(&trust), "ghost");
    assert!(!text.contains("GitHub"), "{text}");
    refused(
        &trust,
        "e30.a.b.c.d",
        "refused: it is encrypted\n  help: only signed tokens can be read: switch the encryption of \
         access tokens off at the issuer; at Auth0, name the API by `audience`\n",
    );
}

#[test]
fn every_refusal_says_what_to_do() {
    let shop = Shop::new(Algorithm::Es256);
    let trust = shop.trust();
    let token = |more: &[&str]| shop.issue(more).unwrap();
    refused(
        &trust,
        &token(&["--issued-at", "1699990000"]),
        "refused: it has expired\n  help: ask for a new token (it expired 1 hour 46 minutes ago)\n",
    );
    refused(
        &trust,
        &token(&["--issued-at", "1700000100"]),
        "refused: it was issued in the future\n  help: wait, or compare the clocks: it is \
         2023-11-14T22:13:20Z here\n",
    );
    refused(
        &trust,
        &token(&["--lifetime-seconds", "86401"]),
        "refused: it lives longer than the issuer's tokens may\n  help: the issuer's \
         `max_lifetime_seconds` allow 1 day\n",
    );
    refused(
        &trust,
        &token(&["--type", "id+jwt"]),
        "refused: its `typ` is not accepted from its issuer\n  help: the issuer's \
         `types` allow `at+jwt`; check that this is an access token\n",
    );
    refused(
        &trust,
        &token(&["--kid", "x"]),
        "refused: the issuer has no such key\n  help: compare `kid` with the issuer's JWKS; the \
         log says which keys were left out, and why\n",
    );
    refused(
        &trust,
        &token(&["--claim", "cnf={}"]),
        "help: ask the issuer for a plain bearer token, without `cnf`\n",
    );
    let other = Trust::new(vec![(
        IssuerRules {
            issuer: "https://id/".into(),
            ..shop.rules()
        },
        None,
    )]);
    refused(
        &other.unwrap(),
        &token(&[]),
        "refused: its issuer is not trusted\n  help: `trust` lists `https://id/`; every character \
         counts\n",
    );
    let other_audience = IssuerRules {
        audiences: vec!["b".into()],
        ..shop.rules()
    };
    refused(
        &Trust::new(vec![(other_audience, None)]).unwrap(),
        &token(&[]),
        "refused: it is meant for another audience\n  help: its `aud` is `api`, and the issuer's \
         `audiences` are `b`; ask the issuer for a token for this service\n",
    );
    let forged = format!(
        "{}AA",
        token(&[]).trim().rsplit_once('.').unwrap().0.to_owned() + "."
    );
    refused(
        &trust,
        &forged,
        "refused: its signature is wrong\n  help: it was made with another key, or changed since; \
         compare `kid` and the issuer's keys\n",
    );
    refused(
        &trust,
        "e30.b",
        "refused: it is not three parts separated by dots, none of them empty\n  help: a signed \
         token is `header.claims.signature`; check that the whole token was copied. One without a \
         signature (`alg: none`) is never accepted\n",
    );
    refused(
        &trust,
        "not a token",
        "refused: not a token: expected 1 to 61440 characters of `A-Z`, `a-z`, `0-9`, `-`, `_` \
         and `.`\n",
    );
}

#[test]
fn without_trust_or_keys_there_is_no_telling() {
    let shop = Shop::new(Algorithm::Es256);
    let token = shop.issue(&[]).unwrap();
    let (outcome, text) = look(None, &format!(" Bearer {token}\n"));
    assert_eq!(outcome, Finding::Unknown);
    assert!(text.contains("  sub: \"ann\"\n"), "{text}");
    assert!(text.contains("nothing was verified"), "{text}");
    assert!(!text.contains("accepted"), "{text}");
    let (outcome, text) = look(None, "a.b.c");
    assert_eq!(outcome, Finding::No, "{text}");
    let not_loaded = Trust::new(vec![(shop.rules(), None)]).unwrap();
    let (outcome, text) = look(Some(&not_loaded), &token);
    assert_eq!(outcome, Finding::Unknown);
    assert!(
        text.ends_with(
            "cannot tell: the issuer's keys are not loaded\n  why: the issuer's JWKS has not been \
             read\n"
        ),
        "{text}"
    );
}

/// The header is not known here, so that one in which the token is accepted counts.
#[test]
fn a_token_is_judged_in_every_header_that_may_carry_it() {
    let shop = Shop::new(Algorithm::Es256);
    let token = shop.issue(&[]).unwrap();
    let entry = |name: &str, audience: &str, header: Option<&str>, keys: bool| {
        let rules = IssuerRules {
            name: name.into(),
            audiences: vec![audience.into()],
            token_header: header.map(Into::into),
            ..shop.rules()
        };
        (rules, keys.then(|| shop.keys()))
    };
    let look = |entries: Vec<_>| look(Some(&Trust::new(entries).unwrap()), &token);
    let (outcome, text) = look(vec![
        entry("staff", "other", None, true),
        entry("proxy", "api", Some("x-token"), true),
    ]);
    assert_eq!(outcome, Finding::Yes, "{text}");
    assert!(
        text.contains("  header: x-token, without `Bearer`\n"),
        "{text}"
    );
    let (outcome, text) = look(vec![
        entry("staff", "other", None, true),
        entry("proxy", "api", Some("x-token"), false),
    ]);
    assert_eq!(outcome, Finding::Unknown, "{text}");
    assert!(text.contains("cannot tell: the issuer's keys"), "{text}");
    let (outcome, text) = look(vec![
        entry("staff", "other", None, true),
        entry("proxy", "another", Some("x-token"), true),
    ]);
    assert_eq!(outcome, Finding::No, "{text}");
    assert!(
        text.contains("refused: it is meant for another audience"),
        "{text}"
    );
}

#[test]
fn what_a_token_says_cannot_steer_the_terminal() {
    let shop = Shop::new(Algorithm::Es256);
    let claim = "x\u{9b}31m=\"a\\u001b[2J\u{202e}\u{7f}\"";
    let (_, text) = look(None, &shop.issue(&["--claim", claim]).unwrap());
    assert!(!text.contains(|character: char| character.is_control() && character != '\n'));
    assert!(
        text.contains("x\\u{9b}31m: \"a\\u001b[2J\\u{202e}\\u{7f}\""),
        "{text}"
    );
}

#[test]
fn the_token_comes_from_the_arguments_or_the_input() {
    let parse = |args: &[&str]| {
        let line = CommandLine::try_parse_from([&["token", "inspect"], args].concat());
        match line.unwrap_or_else(|error| panic!("{error}")).args.command {
            TokenCommand::Inspect(args) => args,
            TokenCommand::Issue(_) => panic!("not inspect"),
        }
    };
    let read = |args: &[&str], mut input: &[u8]| read_token(&parse(args), &mut input);
    assert_eq!(read(&["a.b.c"], b"x").unwrap(), "a.b.c");
    assert_eq!(read(&["-"], b"x\n").unwrap(), "x\n");
    assert_eq!(read(&[], b"x\n").unwrap(), "x\n");
    assert!(read(&["-"], &vec![b'a'; 200_000]).is_err());
    assert!(read(&["-"], b"\xff").is_err());
    assert_eq!(
        parse(&["--config", "a.yaml"]).config.unwrap(),
        Path::new("a.yaml")
    );
}
