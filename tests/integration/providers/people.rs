//! Providers whose tokens are for people and their apps.

use serde_json::{Value, json};

use super::Case;

/// The header of most providers.
fn jwt() -> Value {
    json!({"alg": "RS256", "typ": "JWT"})
}

fn signing() -> Value {
    json!({"alg": "RS256", "use": "sig"})
}

const ENTRA: &str = "https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0";
const PARTNER: &str = "https://login.microsoftonline.com/22222222-2222-4333-8444-555555555555/v2.0";
const STRANGER: &str =
    "https://login.microsoftonline.com/99999999-2222-4333-8444-555555555555/v2.0";

pub(super) fn cases() -> Vec<Case> {
    let groups = [
        on_premises(),
        hosted(),
        microsoft(),
        with_claims_of_their_own(),
    ];
    groups.into_iter().flatten().collect()
}

#[rustfmt::skip]
fn on_premises() -> Vec<Case> {
    vec![
        Case {
            page: "keycloak",
            header: jwt(),
            key: signing(),
            right: json!({
                "iss": "https://sso.shop.example/realms/shop", "sub": "f3a1c6a0-0000-4000-8000-000000000001",
                "typ": "Bearer", "azp": "web-shop", "sid": "s-1", "jti": "onrtac:1", "acr": "1",
                "aud": ["orders-api", "account"], "scope": "openid email",
                "realm_access": {"roles": ["offline_access"]}, "groups": ["/Shop Staff"],
            }),
            changes: vec![
                ("a role of the realm", json!({"groups": null, "realm_access": {"roles": ["orders.read"]}}), 200, ""),
                ("a role of the client", json!({"groups": null, "resource_access": {"orders-api": {"roles": ["orders.read"]}}}), 200, ""),
                ("a role of another client", json!({"groups": null, "resource_access": {"billing": {"roles": ["orders.read"]}}}), 403, ""),
                ("an ID token", json!({"typ": "ID", "nonce": "n", "at_hash": "x"}), 401, "this is an ID token"),
                ("no audience mapper", json!({"aud": "account"}), 401, "at Keycloak: add an audience mapper for `orders-api` to the client `web-shop`"),
                ("no audience at all", json!({"aud": null}), 401, "at Keycloak: add an audience mapper for `orders-api` to the client `web-shop`"),
                ("another API", json!({"aud": ["billing-api"]}), 401, "at Keycloak: add an audience mapper"),
                ("another realm", json!({"iss": "https://sso.shop.example/realms/other"}), 401, "at Keycloak: the token is of another realm, `https://sso.shop.example/realms/other`"),
                ("no scope `basic`", json!({"sub": null}), 401, "at Keycloak: assign the client scope `basic`"),
                ("nothing granted", json!({"scope": "openid", "groups": ["/Others"]}), 403, ""),
            ],
        },
        Case {
            page: "zitadel",
            header: jwt(),
            key: signing(),
            right: json!({
                "iss": "https://id.shop.example", "sub": "163", "aud": ["281"], "client_id": "web",
                "urn:zitadel:iam:org:project:roles": {"shopper": {"1": "shop.example"}},
            }),
            changes: vec![
                ("another project", json!({"aud": ["282"]}), 401, "at Zitadel: have the app ask for the scope `urn:zitadel:iam:org:project:id:281:aud`"),
                ("another installation", json!({"iss": "https://id.other.example"}), 401, "at Zitadel: the token is of another installation"),
                ("another role", json!({"urn:zitadel:iam:org:project:roles": {"guest": {}}}), 403, ""),
                ("an ID token, without roles", json!({"urn:zitadel:iam:org:project:roles": null, "nonce": "n"}), 403, ""),
            ],
        },
        Case {
            page: "hydra",
            header: jwt(),
            key: signing(),
            right: json!({
                "iss": "https://id.shop.example", "sub": "alice", "aud": ["orders-api"], "client_id": "web-shop",
                "scp": ["openid", "orders:read"], "ext": {}, "jti": "j",
            }),
            changes: vec![
                ("roles of the consent app", json!({"scp": [], "ext": {"roles": ["orders.read"]}}), 200, ""),
                ("an ID token", json!({"aud": ["web-shop", "orders-api"], "client_id": null, "scp": null, "ext": {}, "at_hash": "x", "sid": "s"}), 401, "asks for `client_id: "),
                ("no audience asked for", json!({"aud": []}), 401, "`aud`"),
                ("another API", json!({"aud": ["billing-api"]}), 401, "at Ory Hydra: add `orders-api` to `audience` of the client `web-shop`"),
                ("another client", json!({"client_id": "mallory"}), 401, "at Ory Hydra: the app is not one of those that may call: add it to `require`, if it may"),
                ("with a slash that is not configured", json!({"iss": "https://id.shop.example/"}), 401, "at Ory Hydra: the slash at the end counts: write `issuer: https://id.shop.example/`"),
                ("another scope", json!({"scp": ["openid"]}), 403, ""),
            ],
        },
        Case {
            page: "pingam",
            header: json!({"alg": "RS256", "typ": "JWT", "zip": "NONE"}),
            key: signing(),
            right: json!({
                "iss": "https://openam.shop.example/oauth2/realms/root", "sub": "alice", "aud": "orders-api",
                "cts": "OAUTH2_STATELESS_GRANT", "auditTrackingId": "x", "tokenName": "access_token",
                "token_type": "Bearer", "grant_type": "authorization_code", "scope": ["orders:read"],
                "realm": "/", "client_id": "web-shop", "expires_in": 300,
            }),
            changes: vec![
                ("an ID token", json!({"tokenName": "id_token"}), 401, "this is an ID token: send the access token instead"),
                ("another realm", json!({"iss": "https://openam.shop.example/oauth2/realms/x"}), 401, "at PingAM: the token is of another realm"),
                ("the client as audience", json!({"aud": "billing"}), 401, "at PingAM: have the access token modification script set `aud` to `orders-api`"),
                ("another scope", json!({"scope": ["profile"]}), 403, ""),
            ],
        },
        Case {
            page: "duende",
            header: json!({"alg": "RS256", "typ": "at+jwt"}),
            key: signing(),
            right: json!({
                "iss": "https://id.shop.example", "aud": "orders-api", "client_id": "batch",
                "scope": ["orders:read"], "jti": "j",
            }),
            changes: vec![
                ("a person", json!({"sub": "alice", "idp": "local", "amr": ["pwd"]}), 200, ""),
                ("no API resource", json!({"aud": null}), 401, "at Duende IdentityServer: list the scopes that the client asks for in an `ApiResource` named `orders-api`"),
                ("another API", json!({"aud": "billing-api"}), 401, "in an `ApiResource` named `orders-api`"),
                ("another installation", json!({"iss": "https://id.other.example"}), 401, "at Duende IdentityServer: the token is of another installation"),
                ("another scope", json!({"scope": ["billing"]}), 403, ""),
            ],
        },
    ]
}

#[rustfmt::skip]
fn hosted() -> Vec<Case> {
    vec![
        Case {
            page: "auth0",
            header: jwt(),
            key: signing(),
            right: json!({
                "iss": "https://shop.eu.auth0.com/", "sub": "auth0|0001", "azp": "abcDEF", "scope": "openid read:orders",
                "aud": ["https://api.shop.example", "https://shop.eu.auth0.com/userinfo"], "permissions": ["read:orders"],
            }),
            changes: vec![
                ("an ID token", json!({"aud": "abcDEF", "permissions": null, "azp": null, "nonce": "n"}), 401, "at Auth0: this is an ID token"),
                ("another API", json!({"aud": "https://billing.shop.example"}), 401, "at Auth0: have the app ask for the API by `audience=https://api.shop.example`"),
                ("another tenant", json!({"iss": "https://other.eu.auth0.com/"}), 401, "at Auth0: the token is of another tenant, `https://other.eu.auth0.com/`"),
                ("without the slash", json!({"iss": "https://shop.eu.auth0.com"}), 401, "at Auth0: the slash at the end counts"),
                ("asked for, but not permitted", json!({"permissions": []}), 403, ""),
            ],
        },
        Case {
            page: "okta",
            header: json!({"alg": "RS256"}),
            key: signing(),
            right: json!({
                "iss": "https://shop.okta.com/oauth2/default", "sub": "alice@shop.example", "aud": "api://default",
                "cid": "0oaClient", "uid": "00uUser", "ver": 1, "scp": ["openid"], "groups": ["Everyone else", "Domain Users"],
            }),
            changes: vec![
                ("a scope", json!({"groups": null, "scp": ["orders.read"]}), 200, ""),
                ("an ID token", json!({"aud": "0oaClient", "scp": null, "cid": null, "at_hash": "x"}), 401, "at Okta: this is an ID token"),
                ("another audience", json!({"aud": "api://billing"}), 401, "at Okta: use the authorization server whose audience is `api://default`"),
                ("another authorization server", json!({"iss": "https://shop.okta.com/oauth2/other"}), 401, "at Okta: the token is of another authorization server"),
                ("another organization", json!({"iss": "https://other.okta.com/oauth2/default"}), 401, "at Okta: the token is of another authorization server"),
                ("another group", json!({"groups": ["Everyone else"]}), 403, ""),
            ],
        },
        Case {
            page: "cognito",
            header: json!({"alg": "RS256"}),
            key: signing(),
            right: json!({
                "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example", "sub": "aaaaaaaa",
                "client_id": "1example23456789", "token_use": "access", "scope": "orders/read", "username": "alice",
            }),
            changes: vec![
                ("an ID token", json!({"token_use": "id", "client_id": null, "aud": "1example23456789"}), 401, "this is an ID token"),
                ("an ID token with a client", json!({"token_use": "id"}), 401, "this is an ID token"),
                ("another client", json!({"client_id": "2other"}), 401, "at Cognito: the app client is `2other`: add it to `audiences`"),
                ("another user pool", json!({"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Other"}), 401, "at Cognito: the token is of another user pool"),
                ("another scope", json!({"scope": "orders/write"}), 403, ""),
            ],
        },
        Case {
            page: "google",
            header: jwt(),
            key: signing(),
            right: json!({
                "iss": "https://accounts.google.com", "sub": "1122334455", "aud": "123.apps.googleusercontent.com",
                "azp": "123.apps.googleusercontent.com", "hd": "shop.example", "email": "alice@shop.example",
                "email_verified": true,
            }),
            changes: vec![
                ("a private account", json!({"hd": null}), 401, "at Google: the account does not belong to the Workspace organization"),
                ("another organization", json!({"hd": "shop.example.evil"}), 401, "and the token has `shop.example.evil`"),
                ("another app", json!({"aud": "456.apps.googleusercontent.com"}), 401, "at Google: the token is for the OAuth client `456.apps.googleusercontent.com`"),
                ("an address that nobody verified", json!({"email_verified": false}), 401, "at Google: the address has not been verified"),
                ("a text instead of a truth value", json!({"email_verified": "true"}), 401, "`require` asks for `email_verified: true`, and the token has `true`"),
            ],
        },
        Case {
            page: "firebase",
            header: jwt(),
            key: signing(),
            right: json!({
                "iss": "https://securetoken.google.com/shop-prod", "sub": "u1", "aud": "shop-prod", "user_id": "u1",
                "admin": true, "firebase": {"identities": {}, "sign_in_provider": "password"},
            }),
            changes: vec![
                ("another project", json!({"iss": "https://securetoken.google.com/shop-test", "aud": "shop-test"}), 401, "at Firebase: the token is of another project"),
                ("another audience", json!({"aud": "shop-test"}), 401, "at Firebase: the token is of the project `shop-test`"),
                ("no custom claim", json!({"admin": null}), 403, ""),
                ("a claim that is false", json!({"admin": false}), 403, ""),
            ],
        },
    ]
}

#[rustfmt::skip]
fn microsoft() -> Vec<Case> {
    let right = json!({
        "iss": ENTRA, "sub": "pairwise-1", "oid": "oid-1", "aud": "66666666-7777-4888-8999-000000000000",
        "tid": "11111111-2222-4333-8444-555555555555", "ver": "2.0", "azp": "aaaaaaaa-0000-4000-8000-000000000001",
        "azpacr": "1", "scp": "Orders.Read User.Read",
    });
    vec![
        Case {
            page: "entra",
            header: jwt(),
            key: json!({"use": "sig", "x5t": "t", "issuer": ENTRA}),
            right: right.clone(),
            changes: vec![
                ("a service", json!({"scp": null, "idtyp": "app", "roles": ["Orders.Read.All"]}), 200, ""),
                ("an ID token", json!({"azp": null, "scp": null, "nonce": "n"}), 401, "this is an ID token"),
                ("another client", json!({"azp": "aaaaaaaa-0000-4000-8000-000000000003"}), 401, "at Entra ID: the app is not one of those that may call"),
                ("a guest of another tenant", json!({"tid": "99999999-2222-4333-8444-555555555555"}), 401, "at Entra ID: the user or app belongs to another tenant"),
                ("another tenant", json!({"iss": STRANGER}), 401, "at Entra ID: the token is of another tenant"),
                ("another API", json!({"aud": "00000003-0000-0000-c000-000000000000"}), 401, "ask for a scope of this API, such as `66666666-7777-4888-8999-000000000000/.default`"),
                ("no role", json!({"scp": "User.Read"}), 403, ""),
            ],
        },
        Case {
            page: "entra-v1",
            header: jwt(),
            key: json!({"use": "sig", "x5t": "t"}),
            right: json!({
                "iss": "https://sts.windows.net/11111111-2222-4333-8444-555555555555/", "sub": "pairwise-1", "ver": "1.0",
                "aud": "api://66666666-7777-4888-8999-000000000000", "appid": "aaaaaaaa-0000-4000-8000-000000000001",
                "tid": "11111111-2222-4333-8444-555555555555", "scp": "Orders.Read",
            }),
            changes: vec![
                ("another client", json!({"appid": "aaaaaaaa-0000-4000-8000-000000000003"}), 401, "at Entra ID: the app is not one of those that may call"),
                ("another tenant", json!({"iss": "https://sts.windows.net/99999999-2222-4333-8444-555555555555/"}), 401, "at Entra ID: the token is of another tenant"),
                ("version 2", json!({"iss": ENTRA, "ver": "2.0"}), 401, "at Entra ID: the token is of another tenant"),
                ("another API", json!({"aud": "https://graph.microsoft.com"}), 401, "at Entra ID: have the app `aaaaaaaa-0000-4000-8000-000000000001` ask for a scope of this API"),
                ("another scope", json!({"scp": "User.Read"}), 403, ""),
            ],
        },
        Case {
            page: "entra-tenants",
            header: jwt(),
            key: json!({"use": "sig", "x5t": "t"}),
            right,
            changes: vec![
                ("the partner's tenant", json!({"iss": PARTNER, "tid": "22222222-2222-4333-8444-555555555555"}), 200, ""),
                ("a tenant that is not listed", json!({"iss": STRANGER, "tid": "99999999-2222-4333-8444-555555555555"}), 401, "at Entra ID: the token is of another tenant"),
                ("one tenant's user in the name of the other", json!({"iss": PARTNER}), 401, "at Entra ID: the user or app belongs to another tenant"),
                ("another client", json!({"azp": "aaaaaaaa-0000-4000-8000-000000000003"}), 401, "at Entra ID: the app is not one of those that may call"),
            ],
        },
    ]
}

#[rustfmt::skip]
fn with_claims_of_their_own() -> Vec<Case> {
    vec![
        Case {
            page: "portcullis",
            header: json!({"alg": "ES256", "typ": "at+jwt"}),
            key: json!({"alg": "ES256", "use": "sig"}),
            right: json!({
                "iss": "https://id.shop.example", "sub": "4ksCb5fbaCDG0XIELgKHnF", "aud": ["orders-api"],
                "client_id": "5jTyNg4m", "scope": "orders.read", "rev": 0,
            }),
            changes: vec![
                ("a login's token for the issuer", json!({"aud": "https://id.shop.example"}), 401, "at Portcullis: a login's token is for the issuer itself"),
                ("another issuer", json!({"iss": "https://id.other.example"}), 401, "at Portcullis: the token is of another installation"),
                ("another scope", json!({"scope": "orders.write"}), 403, ""),
            ],
        },
        Case {
            page: "clerk",
            header: json!({"alg": "RS256", "typ": "JWT", "cat": "cl_B7d4PD111AAA"}),
            key: signing(),
            right: json!({
                "iss": "https://clerk.shop.example", "sub": "user_1", "sid": "sess_1", "azp": "https://app.shop.example",
                "v": 2, "sts": "active", "fva": [7, -1], "o": {"id": "org_1", "rol": "member", "slg": "shop"},
            }),
            changes: vec![
                ("another page", json!({"azp": "https://evil.example"}), 401, "at Clerk: the page at `https://evil.example` asked for it"),
                ("no origin", json!({"azp": null}), 401, "at Clerk: the browser sent no `Origin`"),
                ("a pending session", json!({"sts": "pending"}), 401, "at Clerk: the session is still pending"),
                ("another application", json!({"iss": "https://clerk.other.example"}), 401, "at Clerk: the token is of another application"),
                ("no organization", json!({"o": null}), 403, ""),
            ],
        },
        Case {
            page: "workos",
            header: json!({"alg": "RS256"}),
            key: signing(),
            right: json!({
                "iss": "https://api.workos.com/user_management/client_01ABC", "sub": "user_01", "sid": "session_01",
                "org_id": "org_01SHOP", "role": "member", "permissions": ["orders:read"], "jti": "j",
            }),
            changes: vec![
                ("another organization", json!({"org_id": "org_01EVIL"}), 401, "at WorkOS: the user is in the organization `org_01EVIL`"),
                ("no organization", json!({"org_id": null}), 401, "at WorkOS: the user has not chosen an organization"),
                ("another application", json!({"iss": "https://api.workos.com/user_management/client_02"}), 401, "at WorkOS: the token is of another application"),
                ("another permission", json!({"permissions": ["billing:read"]}), 403, ""),
            ],
        },
    ]
}
