//! Requests, tokens, and what the gate makes of them under a policy.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::clock::UnixSeconds;
use crate::condition::{Attributes, Found};
use crate::decision::{Decision, Evidence, decide};
use crate::policy::{Circumstances, Host, Method, Path, Policy, Target};
use crate::problem::Source;
use crate::token::{
    Algorithm, IssuerRules, KeySet, TokenError, Trust, UnverifiedToken, VerifiedToken,
};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const NOW: i64 = 1_700_000_000;

/// A valid token.
#[derive(Debug)]
pub(super) struct Token {
    /// The name of its issuer in `trust`.
    pub(super) issuer_name: &'static str,
    pub(super) claims: Value,
    verified: VerifiedToken,
}

impl Token {
    /// A token of `https://` and this name.
    pub(super) fn new(issuer_name: &'static str, mut claims: Value) -> Self {
        let issuer = format!("https://{issuer_name}");
        for (name, value) in [
            ("iss", json!(issuer)),
            ("aud", json!(["api", "other"])),
            ("iat", json!(NOW)),
            ("exp", json!(NOW + 600)),
        ] {
            claims[name] = value;
        }
        let algorithms = [Algorithm::Hs256];
        let rules = IssuerRules::of_access_tokens(issuer_name, &issuer, &["api"], &algorithms);
        let keys = KeySet::from_hmac_secret(SECRET, &algorithms).unwrap();
        let trust = Trust::new(vec![(rules, Some(keys))]).unwrap();
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let header = json!({"alg": "HS256", "typ": "at+jwt"}).to_string();
        let message = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
        let signature = hmac::sign(&key, message.as_bytes());
        let signed = format!("{message}.{}", encode(signature.as_ref()));
        let unverified = UnverifiedToken::parse(signed.as_bytes()).unwrap();
        Self {
            issuer_name,
            claims,
            verified: trust.verify(unverified, UnixSeconds(NOW)).unwrap(),
        }
    }

    /// The tokens of all tests.
    pub(super) fn several() -> Vec<Self> {
        vec![
            Self::new(
                "one",
                json!({"sub": "alice", "role": "admin", "groups": ["dev", "ops"], "scope": "read write"}),
            ),
            Self::new(
                "one",
                json!({"sub": "bob", "role": "user", "scope": "read"}),
            ),
            Self::new(
                "one",
                json!({"sub": "carol", "role": {"admin": true}, "groups": {"dev": 1}, "realm": {"roles": ["dev"]}}),
            ),
            Self::new(
                "two",
                json!({"sub": "alice", "role": ["admin", "user"], "groups": "dev", "admin": true}),
            ),
        ]
    }
}

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    Nothing,
    BadToken,
    /// The token at this position.
    Token(usize),
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) host: &'static str,
    pub(super) path: &'static str,
    pub(super) region: Option<&'static str>,
    pub(super) content_type: Option<&'static str>,
    pub(super) carried: Carried,
    /// What a policy cannot know: whether certificate, address and the like are as rules ask.
    pub(super) unknown: bool,
}

impl Request {
    pub(super) fn path_alone(&self) -> &'static str {
        self.path.split('?').next().unwrap()
    }

    /// What a source finds that looks for tokens in the query as well. A good token beside a bad one is taken.
    pub(super) fn found(&self) -> Carried {
        let has_bad_one = self.path.contains("access_token=");
        match self.carried {
            Carried::Nothing if has_bad_one => Carried::BadToken,
            carried => carried,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&'static str> {
        match name {
            "x-region" => self.region,
            "content-type" => self.content_type,
            _ => None,
        }
    }
}

impl Attributes for Request {
    fn header(&self, name: &str) -> (Found<&[u8]>, usize) {
        let found = match (name, self.carried) {
            ("authorization", Carried::Nothing) => Found::Absent,
            ("authorization", _) => Found::Once(&b"Bearer x"[..]),
            _ => match Request::header(self, name) {
                Some(value) => Found::Once(value.as_bytes()),
                None => Found::Absent,
            },
        };
        (found, 0)
    }

    fn scheme(&self) -> Option<&str> {
        Some("https")
    }

    fn source_address(&self) -> Option<&str> {
        Some("10.0.0.1")
    }

    fn source_principal(&self) -> Option<&str> {
        None
    }

    fn size(&self) -> Option<i64> {
        None
    }
}

pub(super) fn compiled(text: &str, trusted: &[&str]) -> Policy {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    };
    let trusted: Vec<Box<str>> = trusted.iter().map(|name| Box::from(*name)).collect();
    Policy::compile_for(&trusted, &[source]).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// Whether the gate lets a request through, where it trusts these issuers.
pub(super) fn passes(
    policy: &Policy,
    request: &Request,
    tokens: &[Token],
    trusted: &[&str],
) -> bool {
    let target = Target {
        method: Method(request.method.as_bytes()),
        host: Host(request.host.as_bytes()),
        path: Path(request.path.as_bytes()),
        preflight: None,
        grpc: false,
    };
    let Ok(routed) = policy.route(&target) else {
        return false;
    };
    let evidence = match request.carried {
        Carried::Nothing => Evidence::Absent,
        Carried::BadToken => Evidence::Refused(TokenError::OtherIssuer),
        Carried::Token(position) => {
            let token = &tokens[position];
            if trusted.contains(&token.issuer_name) {
                Evidence::Verified(&token.verified)
            } else {
                Evidence::Refused(TokenError::OtherIssuer)
            }
        }
    };
    let circumstances = Circumstances {
        policy,
        target: &target,
        attributes: request,
        now: UnixSeconds(NOW),
    };
    matches!(
        decide(&routed, evidence, &circumstances),
        Decision::Allow(_)
    )
}

const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PUT", "PATCH"];
const HOSTS: [&str; 6] = [
    "a.example",
    "b.example",
    "a.test",
    "a.example:8080",
    "a.example.",
    "a.example.:8080",
];
const PATHS: [&str; 18] = [
    "/",
    "/a",
    "/a/b",
    "/a/b/c",
    "/ab",
    "/x.html",
    "/a/x.html",
    "/A",
    "/A/b",
    "/c/b",
    "/b",
    "/a/b?x=1",
    "/a/b?access_token=x",
    "/c|d/b",
    "/a/c|d",
    "/c/d/e",
    "/abc/d",
    "/a?b",
];

/// Every request that these tests know.
pub(super) fn requests() -> Vec<Request> {
    let carried = (0..4).map(Carried::Token);
    let carried: Vec<Carried> = [Carried::Nothing, Carried::BadToken]
        .into_iter()
        .chain(carried)
        .collect();
    let mut all = Vec::new();
    for method in METHODS {
        for host in HOSTS {
            for path in PATHS {
                for carried in &carried {
                    for (region, unknown) in
                        [(None, false), (Some("eu"), true), (Some("us"), false)]
                    {
                        all.push(Request {
                            method,
                            host,
                            path,
                            region,
                            content_type: None,
                            carried: *carried,
                            unknown,
                        });
                    }
                }
            }
        }
    }
    all
}
