//! The section `issuer` of the configuration.

mod accent;
mod document;
mod hashing;
mod keys;
mod passkeys;
mod passwords;
mod portal;
mod proxy;
mod refresh;
mod registration;
mod revocation_bounds;
mod sessions;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use accent::Accent;
pub use document::IssuerDocument;
pub use hashing::HashingSettings;
pub(super) use keys::ALGORITHMS;
pub use keys::KeySettings;
pub use passkeys::PasskeySettings;
pub use portal::PortalSettings;
pub use proxy::{ProxyOrigin, ProxySettings};
pub use refresh::RefreshSettings;
pub use registration::Registration;
pub use sessions::SessionSettings;

use super::grant_types::GrantTypes;
use super::throttle::{ThrottleSettings, TrustedProxies};
use crate::connection_limits::ConnectionLimits;
use crate::identity::ContextWords;
use crate::revocation::OnStale;
use crate::store::StoreLocation;
use crate::tls::TlsSettings;
use crate::token::Algorithm;

/// What an issuer needs to know, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The tokens' `iss`, and what clients put paths behind; without a slash at the end.
    pub url: String,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// The bounds of its connections. Those of trusted proxies have none of their own.
    pub connections: ConnectionLimits,
    pub store: StoreLocation,
    /// The tokens' `aud`, beside the issuer itself.
    pub audiences: Vec<String>,
    /// How long an access token holds.
    pub access_token_seconds: u32,
    /// What new keys serve: ES256, RS256, `EdDSA` or HS256.
    pub algorithm: Algorithm,
    pub keys: KeySettings,
    /// How often rows that have ended are removed.
    pub sweep_seconds: u64,
    /// How long it is kept who did what in the directory.
    pub audit_seconds: u32,
    pub refresh_token: RefreshSettings,
    /// What the token endpoint offers.
    pub grants: GrantTypes,
    /// Whether a user's name and password are accepted there where those of an app are.
    pub user_credentials_at_token_endpoint: bool,
    /// The password of the first administrator; without it one is made and printed once.
    pub admin_password_file: Option<PathBuf>,
    /// The words of the site, which say nothing in a password.
    pub password_words: ContextWords,
    pub registration: Registration,
    pub portal: PortalSettings,
    pub passkeys: PasskeySettings,
    pub sessions: SessionSettings,
    pub hashing: HashingSettings,
    /// The threads that serve it.
    pub threads: usize,
    /// How long an app's earlier secret is accepted beside a new one, unless the call says.
    pub secret_overlap_seconds: u32,
    /// How long after a login its token may make apps and secrets.
    pub fresh_login_seconds: u32,
    /// How many users, apps, grants and tokens a gate in this process remembers as revoked.
    pub max_revocations: usize,
    /// How old what the gate in this process knows of revocations may be.
    pub max_staleness: Duration,
    /// What becomes of tokens there when it is older.
    pub on_stale: OnStale,
    /// How many rows of the revocation log one user may have caused that are kept at the same time.
    pub max_revocations_per_user: u32,
    /// The same of one app, whoever uses it.
    pub max_revocations_per_app: u32,
    /// How much is tried before somebody must wait.
    pub throttle: ThrottleSettings,
    /// Whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    pub tls: Option<TlsSettings>,
    /// For how long browsers are told to come by `https` alone; 0 tells them nothing.
    pub hsts_seconds: u32,
}

impl IssuerSettings {
    /// `Strict-Transport-Security` (RFC 6797): none for a site without `https`, and none for this machine, all of
    /// whose ports it would be about.
    pub(super) fn strict_transport_security(&self) -> Option<String> {
        let host = host_of(&self.url);
        let applies =
            self.url.starts_with("https:") && host != "localhost" && self.hsts_seconds > 0;
        applies.then(|| format!("max-age={}", self.hsts_seconds))
    }

    /// All that a token's `aud` may hold: the issuer itself first, nothing twice.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let others = self.audiences.iter().map(String::as_str);
        let others = others.filter(|audience| *audience != self.url);
        std::iter::once(self.url.as_str()).chain(others)
    }
}

/// The host of a URL, in lower case and without a port; empty where it has none.
fn host_of(url: &str) -> String {
    let uri: Option<http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(http::Uri::host);
    host.unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;
    use crate::problem::{Faults, Source};
    use crate::yaml;

    /// The settings of a section as it is written, or what is wrong with it.
    pub(in crate::issuer) fn read(section: &str) -> Result<IssuerSettings, Vec<String>> {
        let source = Source {
            name: "portcullis.yaml".to_owned(),
            text: format!("{{url: \"https://id.shop.example\", {section}}}"),
        };
        let document: IssuerDocument = yaml::parse(&source).ok().unwrap();
        let mut faults = Faults::default();
        let settings = document.build(Path::new("/etc/portcullis"), &mut faults);
        if faults.is_empty() {
            Ok(settings.unwrap())
        } else {
            Err(faults.into_messages())
        }
    }

    #[test]
    fn the_issuer_itself_is_the_first_audience_and_nothing_is_there_twice() {
        let settings = read("audiences: [orders-api, \"https://id.shop.example\", stock-api]");
        let settings = settings.unwrap();
        let audiences: Vec<&str> = settings.audiences().collect();
        let expected = ["https://id.shop.example", "orders-api", "stock-api"];
        assert_eq!(audiences, expected);
    }

    #[test]
    fn files_are_relative_to_the_configuration() {
        let settings = read("admin_password_file: secret, keys: {files: [key.pem, /run/next.pem]}");
        let settings = settings.unwrap();
        let file = settings.admin_password_file.as_deref();
        assert_eq!(file, Some(Path::new("/etc/portcullis/secret")));
        let expected = ["/etc/portcullis/key.pem", "/run/next.pem"].map(PathBuf::from);
        assert_eq!(settings.keys.files, expected);
    }

    #[test]
    #[rustfmt::skip]
    fn each_key_has_bounds_that_its_message_names() {
        let rows = [
            ("access_token_seconds: 0", "issuer.access_token_seconds: 0"),
            ("access_token_seconds: 86401", "issuer.access_token_seconds: 86401"),
            ("sweep_seconds: 0", "issuer.sweep_seconds: 0"),
            ("audit_seconds: 86399", "issuer.audit_seconds: 86399"),
            ("threads: 0", "issuer.threads: 0"),
            ("fresh_login_seconds: 9", "issuer.fresh_login_seconds: 9"),
            ("hsts_seconds: 315360001", "issuer.hsts_seconds: 315360001"),
            ("password_words: [abc]", "issuer.password_words"),
            ("secret_overlap_seconds: 2592001", "issuer.secret_overlap_seconds: 2592001"),
            ("max_staleness_seconds: 2", "issuer.max_staleness_seconds: 2"),
            ("on_stale: open", "issuer.on_stale: open"),
            ("max_revocations: 0", "issuer.max_revocations: 0"),
            ("algorithm: none", "issuer.algorithm: none"),
            ("algorithm: ES384", "issuer.algorithm: ES384"),
            ("registration: maybe", "issuer.registration: maybe"),
            ("portal: {title: \"\"}", "issuer.portal.title: "),
            ("portal: {accent: \"#7fbde6\"}", "issuer.portal.accent: #7fbde6"),
            ("portal: {accent_dark: teal}", "issuer.portal.accent_dark`"),
            ("portal: {example_url: /orders/1}", "issuer.portal.example_url: /orders/1"),
            ("portal: {proxy: {url: \"http://api.shop.example\"}}", "issuer.portal.proxy.url: http://api.shop.example"),
            ("audiences: [a], portal: {proxy: {url: \"https://a.example\", timeout_ms: 15001}}", "issuer.portal.proxy.timeout_ms: 15001"),
            ("portal: {proxy: {url: \"https://api.shop.example\"}}", "issuer.portal.proxy"),
            ("throttle: {trial: {burst: 0, refill_seconds: 1}}", "issuer.throttle.trial.burst: 0"),
            ("passkeys: {required_for: everybody}", "issuer.passkeys.required_for: everybody"),
            ("sessions: {idle_seconds: 59}", "issuer.sessions.idle_seconds: 59"),
            ("sessions: {max_seconds: 2592001}", "issuer.sessions.max_seconds: 2592001"),
            ("hashing: {threads: 0}", "issuer.hashing.threads: 0"),
            ("hashing: {max_queue: 0}", "issuer.hashing.max_queue: 0"),
            ("refresh_token: {lifetime_seconds: 0}", "issuer.refresh_token.lifetime_seconds: 0"),
            ("refresh_token: {retry_window_seconds: 61}", "issuer.refresh_token.retry_window_seconds: 61"),
            ("refresh_token: {max_grants: 0}", "issuer.refresh_token.max_grants: 0"),
            ("keys: {poll_ms: 99}", "issuer.keys.poll_ms: 99"),
            ("keys: {rotate_seconds: 3600}", "issuer.keys.rotate_seconds: 3600"),
            ("keys: {rotate_seconds: 0, files: [a]}", "issuer.keys.rotate_seconds"),
            ("throttle: {max_entries: 63}", "issuer.throttle.max_entries: 63"),
            ("throttle: {account: {burst: 0, refill_seconds: 1}}", "issuer.throttle.account.burst: 0"),
            ("trusted_proxies: [10.0.0.0/33]", "issuer.trusted_proxies"),
            ("audiences: [\"\"]", "issuer.audiences"),
        ];
        for (section, named) in rows {
            let faults = read(section).unwrap_err();
            assert_eq!(faults.len(), 1, "{section}: {faults:?}");
            assert!(faults[0].contains(&format!("`{named}")), "{section}: {faults:?}");
        }
    }

    #[test]
    fn browsers_are_told_to_keep_to_https_where_there_is_https() {
        let said = |url: &str, seconds| {
            let settings = IssuerSettings {
                url: url.to_owned(),
                hsts_seconds: seconds,
                ..read("").unwrap()
            };
            settings.strict_transport_security()
        };
        let year = Some("max-age=31536000".to_owned());
        assert_eq!(read("").unwrap().strict_transport_security(), year);
        assert_eq!(said("https://id.shop.example:8443", 31_536_000), year);
        for (url, seconds) in [
            ("https://id.shop.example", 0),
            ("http://id.shop.example", 31_536_000),
            ("https://localhost:8443", 31_536_000),
        ] {
            assert_eq!(said(url, seconds), None, "{url} {seconds}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let faults = read("threads: 0, registration: maybe, hashing: {threads: 0}");
        assert_eq!(faults.unwrap_err().len(), 3);
    }
}
