//! What loads in the section `issuer`, and may well not be meant.

use std::net::{IpAddr, SocketAddr};

use super::{Config, IssuerSettings};
use crate::issuer::BucketSettings;
use crate::keyring::TrustWarning;
use crate::openapi::{Catalogue, DescribedOperation};
use crate::policy::{Host, Method, Path, Policy, Routed, Target};
use crate::problem::Problem;
use crate::uri_host::plain_text_fault;

/// So many operations are named that no route lists.
const MAX_OPERATIONS_TOLD: usize = 8;

impl Config {
    /// The warnings about the section `issuer`, for `check` and for the log of a start.
    pub fn issuer_warnings(&self) -> Vec<TrustWarning> {
        let Some(issuer) = &self.issuer else {
            return Vec::new();
        };
        let found = [
            plain_text(issuer),
            no_grants(issuer),
            idle_without_end(issuer),
            proxy_is_here(issuer, self.admin.address),
        ];
        let found = found.into_iter().flatten();
        found
            .chain(everybody(issuer))
            .chain(narrow(issuer))
            .collect()
    }

    /// The examples and operations of the portal that no route of this policy lists: whoever tries them is refused.
    pub fn unlisted(&self, policy: &Policy, catalogue: &Catalogue) -> Vec<TrustWarning> {
        let Some(issuer) = &self.issuer else {
            return Vec::new();
        };
        let portal = &issuer.portal;
        let example = portal.example_url.as_ref();
        let example: Option<http::Uri> = example.and_then(|url| url.parse().ok());
        let proxy = portal.proxy.as_ref().map(|proxy| proxy.origin.host());
        let hosts = [example.as_ref().and_then(http::Uri::host), proxy, Some("")];
        let hosts: Vec<&str> = hosts.into_iter().flatten().collect();
        let mut warnings = Vec::new();
        if let Some(url) = &example
            && !is_listed(
                policy,
                "GET",
                url.host().unwrap_or_default(),
                target_of(url),
            )
        {
            warnings.push(TrustWarning {
                key: "issuer.portal.example_url".to_owned(),
                problem: Problem::new(format!(
                    "`issuer.portal.example_url: {url}` is under no route of the policy for `GET`: the first call \
                     that the portal shows is refused to everybody"
                ))
                .help("name an operation that the policy lists"),
            });
        }
        let operations = catalogue.operations.iter();
        let unlisted = operations.filter(|one| !is_listed_anywhere(policy, one, &hosts));
        let unlisted: Vec<&str> = unlisted.map(|one| &*one.key).collect();
        let rest = unlisted.len().saturating_sub(MAX_OPERATIONS_TOLD);
        let told = unlisted.iter().take(MAX_OPERATIONS_TOLD).map(|key| {
            format!(
                "the operation `{key}` is under no route of the policy: it is refused to everybody"
            )
        });
        let rest = (rest > 0).then(|| format!("{rest} more operations are under no route"));
        warnings.extend(told.chain(rest).map(|message| TrustWarning {
            key: "issuer.portal.openapi_files".to_owned(),
            problem: Problem::new(message).help(
                "add a route, or compare `servers` of the description with the paths of the policy",
            ),
        }));
        warnings
    }
}

fn target_of(url: &http::Uri) -> &str {
    url.path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str)
}

fn is_listed_anywhere(policy: &Policy, operation: &DescribedOperation, hosts: &[&str]) -> bool {
    // Any value: which one a caller has is not known. One that fits no path says nothing of the policy.
    let Ok(path) = operation.path_with(|_| Some("1")) else {
        return true;
    };
    let own = operation.hosts.iter().map(String::as_str);
    let mut hosts = own.chain(hosts.iter().copied());
    hosts.any(|host| is_listed(policy, &operation.method, host, &path))
}

fn is_listed(policy: &Policy, method: &str, host: &str, path: &str) -> bool {
    let target = Target {
        method: Method(method.as_bytes()),
        host: Host(host.as_bytes()),
        path: Path(path.as_bytes()),
        preflight: None,
        grpc: false,
    };
    match policy.route(&target) {
        Ok(Routed::Unlisted | Routed::UnlistedInShadow { .. }) => false,
        Ok(Routed::One(_) | Routed::Preflight(_) | Routed::Every(_)) | Err(_) => true,
    }
}

/// Passwords and tokens reach the issuer in plain text.
fn plain_text(issuer: &IssuerSettings) -> Option<TrustWarning> {
    let url = &issuer.url;
    let uri: http::Uri = url.parse().ok()?;
    let host = uri.host()?;
    let is_here = host.eq_ignore_ascii_case("localhost") || plain_text_fault(host).is_none();
    (uri.scheme_str() == Some("http") && !is_here).then(|| TrustWarning {
        key: "issuer.url".to_owned(),
        problem: Problem::new(format!(
            "`issuer.url: {url}` is plain text to other machines: passwords, secrets and tokens can be read on the way"
        ))
        .help("write `https`, with TLS at the proxy in front or by `issuer.tls`"),
    })
}

fn no_grants(issuer: &IssuerSettings) -> Option<TrustWarning> {
    issuer.grants.is_empty().then(|| TrustWarning {
        key: "issuer.grants".to_owned(),
        problem: Problem::new(
            "`issuer.grants` is empty: apps get no tokens, and only logins at `/consumer/login` do",
        )
        .help("list the grants that apps use, or remove the key for the usual ones"),
    })
}

fn idle_without_end(issuer: &IssuerSettings) -> Option<TrustWarning> {
    let sessions = issuer.sessions;
    (sessions.idle_seconds > sessions.max_seconds).then(|| TrustWarning {
        key: "issuer.sessions.idle_seconds".to_owned(),
        problem: Problem::new(format!(
            "`issuer.sessions.idle_seconds: {}` has no effect: sessions end after `max_seconds: {}`",
            sessions.idle_seconds, sessions.max_seconds
        ))
        .help("write a smaller number, or remove the key"),
    })
}

/// The portal would send its calls to this process, and not to the proxy in front of the API.
fn proxy_is_here(issuer: &IssuerSettings, admin: SocketAddr) -> Option<TrustWarning> {
    let origin = &issuer.portal.proxy.as_ref()?.origin;
    let listeners = [
        ("issuer.address", issuer.address),
        ("listeners.admin.address", admin),
    ];
    let (key, _) = listeners
        .into_iter()
        .find(|(_, listener)| leads_to(origin.host(), origin.port(), *listener))?;
    Some(TrustWarning {
        key: "issuer.portal.proxy.url".to_owned(),
        problem: Problem::new(format!(
            "`issuer.portal.proxy.url: {}` is the address of `{key}`, and not of a proxy: no call that is tried out \
             reaches the API",
            origin.address_of("")
        ))
        .help("name the listener of the proxy in front of the API"),
    })
}

/// Whether this host and port, as an address of this machine, are those of the listener. Of a name nothing is
/// known but for `localhost`.
fn leads_to(host: &str, port: u16, listener: SocketAddr) -> bool {
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let is_loopback = match address {
        Some(address) => address.is_loopback(),
        None => host.eq_ignore_ascii_case("localhost"),
    };
    let is_same = address == Some(listener.ip());
    let reaches = listener.ip().is_loopback() || listener.ip().is_unspecified();
    // Port 0 takes a free one.
    port == listener.port() && port != 0 && (is_same || is_loopback && reaches)
}

/// Every caller counts as a trusted proxy.
fn everybody(issuer: &IssuerSettings) -> impl Iterator<Item = TrustWarning> {
    let ranges = issuer.trusted_proxies.0.iter().enumerate();
    let all = ranges.filter(|(_, range)| range.is_everything());
    all.map(|(position, _)| TrustWarning {
        key: format!("issuer.trusted_proxies[{position}]"),
        problem: Problem::new(
            "`issuer.trusted_proxies` has every address in it: whoever calls can write any address into \
             `X-Forwarded-For`, so that guesses of passwords are held up by account alone, the log shows addresses \
             that callers have made up, and no address has a bound of connections",
        )
        .help("list the addresses of the proxies in front of the issuer, such as `10.0.0.0/8`"),
    })
}

/// Failures from one address reach the bound of all addresses first.
fn narrow(issuer: &IssuerSettings) -> impl Iterator<Item = TrustWarning> {
    let throttle = &issuer.throttle;
    let rows = [
        ("account", throttle.account, throttle.account_at_address),
        ("app", throttle.app, throttle.app_at_address),
    ];
    let narrow = |all: BucketSettings, one: BucketSettings| all.burst < one.burst;
    let rows = rows
        .into_iter()
        .filter(move |(_, all, one)| narrow(*all, *one));
    rows.map(|(name, all, one)| TrustWarning {
        key: format!("issuer.throttle.{name}.burst"),
        problem: Problem::new(format!(
            "`issuer.throttle.{name}.burst: {}` is less than that of `{name}_at_address`, {}: whoever fails from one \
             address holds up everybody else as well",
            all.burst, one.burst
        ))
        .help(format!("write more than `{name}_at_address` has")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_this_process_is_known_by_its_address() {
        let rows = [
            ("127.0.0.1", 8080, "127.0.0.1:8080", true),
            ("localhost", 8080, "127.0.0.1:8080", true),
            ("localhost", 8080, "0.0.0.0:8080", true),
            ("[::1]", 8080, "[::]:8080", true),
            ("10.0.0.7", 8080, "10.0.0.7:8080", true),
            ("127.0.0.1", 8081, "127.0.0.1:8080", false),
            ("10.0.0.8", 8080, "127.0.0.1:8080", false),
            ("api.shop.example", 8080, "0.0.0.0:8080", false),
            ("127.0.0.1", 8080, "10.0.0.7:8080", false),
            ("127.0.0.1", 0, "127.0.0.1:0", false),
        ];
        for (host, port, listener, expected) in rows {
            let found = leads_to(host, port, listener.parse().unwrap());
            assert_eq!(found, expected, "{host} {port} {listener}");
        }
    }
}
