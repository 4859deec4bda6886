//! Whether a token is an ID token, which tells an app who has logged in and is not meant for an API.

use serde_json::{Map, Value};

use crate::token::Provider;

/// Claims that only ID tokens have (OpenID Connect Core sections 2 and 3.3.2.11).
const MARKS: [&str; 3] = ["nonce", "at_hash", "c_hash"];

/// By what Keycloak, Cognito and Ping tell ID tokens from others, in this order.
const KINDS: [(&str, &str); 3] = [
    ("typ", "ID"),
    ("token_use", "id"),
    ("tokenName", "id_token"),
];

/// The claims in which providers name the client.
const CLIENTS: [&str; 3] = ["azp", "client_id", "cid"];

/// Whether a token says that it is an ID token. Not all of them do.
pub(super) fn is_id_token(claims: &Map<String, Value>) -> bool {
    let marked = MARKS.iter().any(|name| claims.contains_key(*name));
    let named = |(name, kind): &(&str, &str)| text(claims, name) == Some(kind);
    marked || KINDS.iter().any(named)
}

/// Whether a token is for the client that asked for it, as ID tokens are. Access tokens of an app that calls
/// itself are as well, so this is a sign only where the audience is in question.
pub(super) fn is_for_its_client(claims: &Map<String, Value>) -> bool {
    let audience = text(claims, "aud");
    let is_audience = |name: &&str| audience.is_some() && text(claims, name) == audience;
    CLIENTS.iter().any(is_audience)
}

/// Whether apps of this provider get access tokens that an API can verify. Where they get none, an ID token is
/// the right one to send.
pub(super) fn has_access_tokens(provider: Option<Provider>) -> bool {
    !matches!(provider, Some(Provider::Google | Provider::Firebase))
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn id_tokens_are_told_by_their_marks_and_their_kind() {
        let rows = [
            (json!({"nonce": "n"}), true),
            (json!({"at_hash": "h"}), true),
            (json!({"c_hash": "h"}), true),
            (json!({"typ": "ID"}), true),
            (json!({"typ": "Bearer"}), false),
            (json!({"token_use": "id"}), true),
            (json!({"token_use": "access"}), false),
            (json!({"tokenName": "id_token"}), true),
            (json!({"tokenName": "access_token"}), false),
            (json!({"typ": ["ID"]}), false),
            (json!({"aud": "web", "azp": "web"}), false),
            (json!({}), false),
        ];
        for (claims, expected) in rows {
            assert_eq!(
                is_id_token(claims.as_object().unwrap()),
                expected,
                "{claims}"
            );
        }
    }

    #[test]
    fn a_token_without_an_audience_is_not_for_its_client() {
        let rows = [
            (json!({"aud": "web", "azp": "web"}), true),
            (json!({"aud": "web", "client_id": "web"}), true),
            (json!({"aud": "web", "cid": "web"}), true),
            (json!({"aud": "api", "azp": "web"}), false),
            (json!({"aud": ["web"], "azp": "web"}), false),
            (json!({"azp": "web"}), false),
            (json!({}), false),
        ];
        for (claims, expected) in rows {
            assert_eq!(
                is_for_its_client(claims.as_object().unwrap()),
                expected,
                "{claims}"
            );
        }
    }
}
