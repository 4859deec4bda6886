//! What operators are told about tokens as identity providers make them: the reason and the fix, in
//! the provider's terms.

use serde_json::Map;

use super::*;
use crate::token::{ClaimPath, RequiredClaim, WantedValue};

const KEYCLOAK: &str = "https://sso.shop.example/realms/shop";
const COGNITO: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example";
const AUTH0: &str = "https://shop.eu.auth0.com/";
const ENTRA: &str = "https://login.microsoftonline.com/1111/v2.0";
const OKTA: &str = "https://shop.okta.com/oauth2/default";
const CLERK: &str = "https://clerk.shop.example";

/// The right claims of an issuer, with changes; null takes a claim away.
fn claims(issuer: &str, changes: &Value) -> Map<String, Value> {
    let mut claims = json!({
        "iss": issuer, "sub": "alice", "aud": "orders-api",
        "iat": NOW.0 - 5, "exp": NOW.0 + 300,
    });
    let claims = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        claims.insert(name.clone(), value.clone());
    }
    claims.retain(|_, value| !value.is_null());
    claims.clone()
}

fn require(name: &str, value: &str) -> Vec<RequiredClaim> {
    vec![RequiredClaim {
        path: ClaimPath::named(name),
        any_of: vec![WantedValue::text(value)],
    }]
}

/// What a token is, its issuer, and a claim that the configuration requires.
struct Case(
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
);

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_refused_token_is_explained_in_its_providers_terms() {
    let shop = Shop::new(Algorithm::Es256);
    let ask = "ask the issuer for a token for this service";
    let mapper = "at Keycloak: add an audience mapper for `orders-api` to the client, or to a client \
                  scope of it";
    let rows: &[(Case, Value, &str)] = &[
        (
            Case("a realm without an audience mapper", KEYCLOAK, None),
            json!({"aud": "account"}),
            &format!(
                "it is meant for another audience\n  help: its `aud` is `account`, and the issuer's \
                 `audiences` are `orders-api`; {ask}\n  {mapper}"
            ),
        ),
        (
            Case("a realm whose tokens have no audience", KEYCLOAK, None),
            json!({"aud": null}),
            &format!("the claim `aud` is missing\n  help: have the issuer set `aud`\n  {mapper}"),
        ),
        (
            Case("an empty list of audiences", CLERK, None),
            json!({"aud": []}),
            "the claim `aud` has a type or value that is not accepted\n  help: its `aud` is an empty list, and the issuer's \
             `audiences` are `orders-api`; ask the issuer for a token for this service",
        ),
        (
            Case("a realm without the client scope `basic`", KEYCLOAK, None),
            json!({"sub": null}),
            "the claim `sub` is missing\n  help: have the issuer set `sub`, or list another claim under \
             `claims: {subject: [...]}`\n  at Keycloak: assign the client scope `basic`, which adds \
             `sub`, to the client",
        ),
        (
            Case("an ID token of Keycloak", KEYCLOAK, Some(("typ", "Bearer"))),
            json!({"typ": "ID"}),
            "a claim does not have the value that `require` demands\n  help: `require` asks for \
             `typ: \"Bearer\"`, and the token has `ID`; this is an ID token: send the access token \
             instead",
        ),
        (
            Case("an access token of Cognito", COGNITO, None),
            json!({"aud": null, "client_id": "1example"}),
            "the claim `aud` is missing\n  help: have the issuer set `aud`, or set `audience_claim: \
             client_id` if that claim says for whom the token is\n  at Cognito: set `audience_claim: \
             client_id`, and list the ids of the app clients under `audiences`",
        ),
        (
            Case(
                "an ID token of Cognito",
                COGNITO,
                Some(("token_use", "access")),
            ),
            json!({"token_use": "id"}),
            "a claim does not have the value that `require` demands\n  help: `require` asks for \
             `token_use: \"access\"`, and the token has `id`; this is an ID token: send the access \
             token instead",
        ),
        (
            Case(
                "another organisation",
                "https://accounts.google.com",
                Some(("hd", "shop.example")),
            ),
            json!({"hd": "other.example"}),
            "a claim does not have the value that `require` demands\n  help: `require` asks for \
             `hd: \"shop.example\"`, and the token has `other.example`\n  at Google: the account does \
             not belong to the Workspace organization",
        ),
        (
            Case(
                "an account of nobody's organisation",
                "https://accounts.google.com",
                Some(("hd", "shop.example")),
            ),
            json!({}),
            "a claim does not have the value that `require` demands\n  help: `require` asks for \
             `hd: \"shop.example\"`, and the token has no such claim\n  at Google: the account does not \
             belong to the Workspace organization",
        ),
        (
            Case("a session token of Clerk", CLERK, None),
            json!({"aud": null, "azp": "https://app.shop.example"}),
            "the claim `aud` is missing\n  help: have the issuer set `aud`, or set `audience_claim: \
             azp` if that claim says for whom the token is",
        ),
        (
            Case("another API at Auth0", AUTH0, None),
            json!({"aud": ["https://billing.shop.example", "https://shop.eu.auth0.com/userinfo"]}),
            "it is meant for another audience\n  help: its `aud` is \
             `[\"https://billing.shop.example\",\"https://shop.eu.auth0.com/u...`, and the issuer's \
             `audiences` are `orders-api`; ask the issuer for a token for this service\n  at Auth0: have \
             the app ask for the API by `audience=orders-api`",
        ),
        (
            Case("a token of Entra for Microsoft Graph", ENTRA, None),
            json!({"aud": "00000003-0000-0000-c000-000000000000"}),
            "it is meant for another audience\n  help: its `aud` is \
             `00000003-0000-0000-c000-000000000000`, and the issuer's `audiences` are `orders-api`; \
             ask the issuer for a token for this service\n  at Entra ID: have the app ask for a scope of \
             this API, such as `orders-api/.default`",
        ),
        (
            Case("another authorization server of Okta", OKTA, None),
            json!({"aud": "https://shop.okta.com"}),
            "it is meant for another audience\n  help: its `aud` is `https://shop.okta.com`, and the \
             issuer's `audiences` are `orders-api`; ask the issuer for a token for this service\n  at \
             Okta: use the authorization server whose audience is `orders-api`",
        ),
        (
            Case("a time as text", KEYCLOAK, None),
            json!({"exp": "1700000300"}),
            "the claim `exp` has a type or value that is not accepted\n  help: `exp` must be a number \
             of seconds since 1970",
        ),
    ];
    for (Case(fact, issuer, required), changes, expected) in rows {
        let mut rules = IssuerRules {
            issuer: (*issuer).into(),
            audiences: vec!["orders-api".into()],
            types: vec!["at+jwt".into(), "jwt".into()],
            ..shop.rules()
        };
        if let Some((name, value)) = required {
            rules.claims.require = require(name, value);
        }
        let trust = Trust::new(vec![(rules, Some(shop.keys()))]).unwrap();
        let token = shop.key.issue("JWT", &claims(issuer, changes)).unwrap();
        let (outcome, text) = look(Some(&trust), &token);
        assert_eq!(outcome, Finding::No, "{fact}: {text}");
        let told = format!("refused: {expected}\n");
        assert!(text.ends_with(&told), "{fact}: {text}");
    }
}

#[test]
fn an_id_token_of_another_type_is_called_one() {
    let shop = Shop::new(Algorithm::Es256);
    let claims = claims("https://id", &json!({"aud": "api", "nonce": "n"}));
    let token = shop.key.issue("JWT", &claims).unwrap();
    refused(
        &shop.trust(),
        &token,
        "refused: its `typ` is not accepted from its issuer\n  help: the issuer's `types` \
         allow `at+jwt`; this is an ID token: send the access token instead\n",
    );
}

/// A key without `alg` serves one algorithm, although two are listed.
#[test]
fn a_second_algorithm_of_one_key_is_explained() {
    let text = generate_key(Algorithm::Rs256).unwrap();
    let key = |algorithm| SigningKey::read(text.reveal().as_bytes(), algorithm).unwrap();
    let mut jwk = key(Algorithm::Rs256).public_jwk().unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    let algorithms = [Algorithm::Rs256, Algorithm::Ps256];
    let jwks = json!({"keys": [jwk]}).to_string();
    let (keys, _) = KeySet::from_jwks(jwks.as_bytes(), &algorithms).unwrap();
    let rules = IssuerRules {
        algorithms: algorithms.to_vec(),
        ..Shop::new(Algorithm::Es256).rules()
    };
    let trust = Trust::new(vec![(rules, Some(keys))]).unwrap();
    let claims = claims("https://id", &json!({"aud": "api"}));
    let token = key(Algorithm::Ps256).issue("at+jwt", &claims).unwrap();
    refused(
        &trust,
        &token,
        "refused: the key that it names serves another algorithm\n  help: compare `alg` with that of \
         the key in the issuer's JWKS; a key without `alg` serves the first of the issuer's \
         `algorithms` that fits it\n",
    );
}
