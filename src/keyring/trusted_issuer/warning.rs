//! What an entry of `trust` may well mean, but its author perhaps does not.

use super::TrustedIssuer;
use crate::policy::Policy;
use crate::problem::{Problem, slip_of};
use crate::token::{ClaimPath, IssuerRules, Provider, TokenType};

/// A warning about an entry that loads.
#[derive(Debug)]
pub struct TrustWarning {
    /// The key of the configuration that it is about; perhaps what is not written there.
    pub key: String,
    pub problem: Problem,
}

/// The warnings about entries that load.
pub fn trust_warnings(trusted: &[TrustedIssuer]) -> Vec<TrustWarning> {
    let mut warnings = Vec::new();
    for (position, issuer) in trusted.iter().enumerate() {
        let key = format!("trust[{position}]");
        warnings.extend(dotted_names(&key, &issuer.rules));
        warnings.extend(id_tokens(&key, &issuer.rules));
    }
    warnings
}

/// The warning that nobody passes the routes that need a token, where no issuer is trusted.
pub fn nobody_trusted(trusted: &[TrustedIssuer], routes: usize) -> Option<TrustWarning> {
    let noun = if routes == 1 { "route" } else { "routes" };
    (trusted.is_empty() && routes > 0).then(|| TrustWarning {
        key: "trust".to_owned(),
        problem: Problem::new(format!(
            "`trust` lists no issuer, so nobody passes the {routes} {noun} for which the policy needs a token"
        ))
        .help(
            "add the issuer of the callers' tokens; for that of the section `issuer`, an entry with \
             `keys: companion`",
        ),
    })
}

/// Scopes of `scope_names` that the policy does not list, and that are probably listed ones, misspelt.
pub fn misspelt_scopes(trusted: &[TrustedIssuer], policy: &Policy) -> Vec<TrustWarning> {
    let listed = || policy.scopes().map(|(name, _)| name);
    let mut warnings = Vec::new();
    for (position, issuer) in trusted.iter().enumerate() {
        for (name, scopes) in &issuer.rules.claims.scope_names {
            let key = format!("trust[{position}].scope_names");
            let unlisted = scopes
                .iter()
                .filter(|scope| !listed().any(|known| *known == ***scope));
            let misspelt = unlisted.filter_map(|scope| Some((scope, slip_of(scope, listed())?)));
            warnings.extend(misspelt.map(|(scope, near)| {
                let message = format!(
                    "`{key}` gives the scope `{scope}` for `{name}`, which the policy does not list"
                );
                TrustWarning {
                    key: format!("{key}.{name}"),
                    problem: Problem::new(message).help(format!("did you mean `{near}`?")),
                }
            }));
        }
    }
    warnings
}

/// Names of claims that look like a way down, which dots are not.
fn dotted_names(key: &str, rules: &IssuerRules) -> Vec<TrustWarning> {
    let claims = &rules.claims;
    let lists = [
        ("claims.subject", &claims.subject),
        ("claims.client", &claims.client),
        ("claims.scopes", &claims.scopes),
    ];
    let listed = lists.into_iter().flat_map(|(setting, paths)| {
        let names = paths.iter().filter_map(dotted);
        names.map(move |name| (setting, name, format!("`[{}]`", way_down(name))))
    });
    let required = claims.require.iter().filter_map(|required| {
        let name = dotted(&required.path)?;
        let nested = name.replace('.', ": {") + ": ..." + &"}".repeat(name.matches('.').count());
        Some(("require", name, format!("`{{{nested}}}`")))
    });
    let warning = |(setting, name, written): (&str, &str, String)| {
        let message = format!(
            "`{key}` (issuer `{}`): `{setting}` has `{name}`, which is the name of one claim, dots \
             and all",
            rules.issuer
        );
        let last = name.rsplit('.').next().unwrap_or(name);
        let help = format!("if `{last}` is a member of an object, write {written}");
        TrustWarning {
            key: format!("{key}.{setting}"),
            problem: Problem::new(message).help(help),
        }
    };
    listed.chain(required).map(warning).collect()
}

/// The only name of a path, if it has dots between names. URLs and URNs are names of claims, and so is
/// the `kubernetes.io` of service accounts.
fn dotted(path: &ClaimPath) -> Option<&str> {
    let name = path.only()?;
    let is_plain = !name.contains([':', '/']) && name != "kubernetes.io";
    let is_way = name.contains('.') && name.split('.').all(|part| !part.is_empty());
    (is_plain && is_way).then_some(name)
}

fn way_down(name: &str) -> String {
    name.split('.').collect::<Vec<_>>().join(", ")
}

/// ID tokens are for the app that a user logs in to, and prove nothing to an API. Those of some
/// providers differ from access tokens in one claim alone.
fn id_tokens(key: &str, rules: &IssuerRules) -> Option<TrustWarning> {
    let provider = Provider::of(&rules.issuer)?;
    let (claim, value) = match provider {
        Provider::Cognito => ("token_use", "access"),
        Provider::Keycloak => ("typ", "Bearer"),
        Provider::PingAm => ("tokenName", "access_token"),
        // The `aud` of their ID tokens is the id of an app, never that of an API; or they have no other
        // tokens, or nothing in them tells the two apart.
        _ => return None,
    };
    let requires = |name: &str| {
        let mut required = rules.claims.require.iter();
        required.any(|required| required.path.only() == Some(name))
    };
    let accepts_jwt = rules.types.contains(&TokenType::default());
    // ID tokens of Cognito have no `client_id`.
    let by_client = rules.claims.audience.only() == Some("client_id");
    (accepts_jwt && !requires(claim) && !by_client).then(|| TrustWarning {
        key: key.to_owned(),
        problem: Problem::new(format!(
            "`{key}` (issuer `{}`) accepts ID tokens of {} as well, if their `aud` is listed",
            rules.issuer,
            provider.name()
        ))
        .help(format!(
            "add `require: {{{claim}: {value}}}`, which only its access tokens have"
        )),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::keyring::trusted_issuers;
    use crate::problem::Faults;

    /// The warnings about one entry, one line each.
    fn warnings(issuer: &str, more: &str) -> String {
        let text = format!(
            "[{{issuer: \"{issuer}\", audiences: [orders-api], algorithms: [RS256], jwks_file: \
             jwks.json{more}}}]"
        );
        let source = crate::problem::Source {
            name: "trust.yaml".to_owned(),
            text,
        };
        let documents = crate::yaml::parse(&source).unwrap();
        let mut faults = Faults::default();
        let trusted = trusted_issuers(documents, Path::new(""), &mut faults);
        assert!(faults.is_empty(), "{:?}", faults.into_messages());
        let warnings = trust_warnings(&trusted);
        let lines = warnings.iter().map(|warning| warning.problem.to_string());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_name_with_dots_is_not_a_way_down() {
        for (settings, setting, written) in [
            (
                ", scope_claim: realm_access.roles",
                "claims.scopes",
                "`[realm_access, roles]`",
            ),
            (
                ", claims: {scopes: [scope, resource_access.shop.roles]}",
                "claims.scopes",
                "`[resource_access, shop, roles]`",
            ),
            (", claims: {client: [a.b]}", "claims.client", "`[a, b]`"),
            (", require: {a.b: c}", "require", "`{a: {b: ...}}`"),
        ] {
            let told = warnings("https://id.shop.example", settings);
            assert!(told.contains(&format!("`{setting}` has `")), "{told}");
            assert!(told.ends_with(written), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
        for settings in [
            ", claims: {scopes: [[realm_access, roles]]}",
            ", scope_claim: \"https://shop.example/roles\"",
            ", scope_claim: \"urn:zitadel:iam:org:project:roles\"",
            ", require: {kubernetes.io: {namespace: shop}}",
        ] {
            assert_eq!(warnings("https://id.shop.example", settings), "");
        }
    }

    #[test]
    fn a_known_provider_without_what_keeps_id_tokens_out_is_told() {
        let keycloak = "https://sso.shop.example/realms/shop";
        let cognito = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example";
        let pingam = "https://openam.shop.example/oauth2/realms/root";
        for (issuer, settings, expected) in [
            (keycloak, "", "require: {typ: Bearer}"),
            (
                keycloak,
                ", require: {azp: web-shop}",
                "require: {typ: Bearer}",
            ),
            (keycloak, ", require: {typ: Bearer}", ""),
            (keycloak, ", types: [at+jwt]", ""),
            (cognito, "", "require: {token_use: access}"),
            (cognito, ", require: {token_use: access}", ""),
            (cognito, ", audience_claim: client_id", ""),
            (pingam, "", "require: {tokenName: access_token}"),
            (pingam, ", require: {tokenName: access_token}", ""),
            ("https://shop.eu.auth0.com/", "", ""),
            ("https://id.shop.example", "", ""),
        ] {
            let told = warnings(issuer, settings);
            assert!(told.contains(expected), "{issuer} {settings}: {told}");
            assert_eq!(
                told.is_empty(),
                expected.is_empty(),
                "{issuer} {settings}: {told}"
            );
        }
    }
}
