//! The section `issuer`, and what it must have in common with `trust`.

#[cfg(not(feature = "issuer"))]
mod absent {
    use std::net::SocketAddr;
    use std::path::{Path, PathBuf};

    pub(in crate::config) use serde::de::IgnoredAny as IssuerDocument;

    use crate::problem::Faults;
    use crate::tls::TlsSettings;

    /// Nothing that could be configured.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum IssuerSettings {}

    pub(in crate::config) fn address(settings: &IssuerSettings) -> SocketAddr {
        match *settings {}
    }

    pub(in crate::config) fn tls(settings: &IssuerSettings) -> Option<&TlsSettings> {
        match *settings {}
    }

    pub(in crate::config) fn files(settings: &IssuerSettings) -> Vec<PathBuf> {
        match *settings {}
    }

    pub(in crate::config) fn descriptions(settings: &IssuerSettings) -> Vec<PathBuf> {
        match *settings {}
    }

    pub(in crate::config) fn logo(settings: &IssuerSettings) -> Option<PathBuf> {
        match *settings {}
    }

    pub(in crate::config) fn needs_restart(settings: &IssuerSettings, _: &IssuerSettings) -> bool {
        match *settings {}
    }

    pub(in crate::config) fn build(
        _: IssuerDocument,
        _: &Path,
        faults: &mut Faults,
    ) -> Option<IssuerSettings> {
        faults.add(
            "issuer",
            "`issuer` needs a binary that was built with the feature `issuer`: use that one, or \
             remove the section",
        );
        None
    }
}

#[cfg(feature = "issuer")]
mod present {
    use std::net::SocketAddr;
    use std::path::{Path, PathBuf};

    pub(in crate::config) use crate::issuer::IssuerDocument;
    pub use crate::issuer::IssuerSettings;
    use crate::problem::Faults;
    use crate::tls::TlsSettings;

    /// Where it listens.
    pub(in crate::config) fn address(settings: &IssuerSettings) -> SocketAddr {
        settings.address
    }

    pub(in crate::config) fn tls(settings: &IssuerSettings) -> Option<&TlsSettings> {
        settings.tls.as_ref()
    }

    /// What it reads or keeps something in, besides those of its TLS.
    pub(in crate::config) fn files(settings: &IssuerSettings) -> Vec<PathBuf> {
        let mut files = settings.store.files();
        files.extend(settings.admin_password_file.clone());
        files.extend_from_slice(&settings.keys.files);
        let proxy = settings.portal.proxy.as_ref();
        files.extend(proxy.and_then(|proxy| proxy.ca_file.clone()));
        files.extend(descriptions(settings));
        files.extend(logo(settings));
        files
    }

    /// The descriptions of the API, which a reload reads anew.
    pub(in crate::config) fn descriptions(settings: &IssuerSettings) -> Vec<PathBuf> {
        settings.portal.openapi_files.clone()
    }

    /// The logo, which a reload reads anew.
    pub(in crate::config) fn logo(settings: &IssuerSettings) -> Option<PathBuf> {
        settings.portal.logo_file.clone()
    }

    /// Whether the two differ in what only a restart applies.
    pub(in crate::config) fn needs_restart(
        settings: &IssuerSettings,
        other: &IssuerSettings,
    ) -> bool {
        let mut renewed = other.clone();
        renewed
            .portal
            .openapi_files
            .clone_from(&settings.portal.openapi_files);
        renewed
            .portal
            .logo_file
            .clone_from(&settings.portal.logo_file);
        *settings != renewed
    }

    pub(in crate::config) fn build(
        document: IssuerDocument,
        base: &Path,
        faults: &mut Faults,
    ) -> Option<IssuerSettings> {
        document.build(base, faults)
    }
}

#[cfg(not(feature = "issuer"))]
use super::Config;
#[cfg(not(feature = "issuer"))]
use crate::keyring::TrustWarning;
use crate::keyring::{KeySource, TrustedIssuer};
#[cfg(not(feature = "issuer"))]
use crate::openapi::Catalogue;
#[cfg(not(feature = "issuer"))]
use crate::policy::Policy;
use crate::problem::Faults;

#[cfg(not(feature = "issuer"))]
pub use absent::IssuerSettings;
#[cfg(not(feature = "issuer"))]
pub(super) use absent::{
    IssuerDocument, address, build, descriptions, files, logo, needs_restart, tls,
};
#[cfg(feature = "issuer")]
pub use present::IssuerSettings;
#[cfg(feature = "issuer")]
pub(super) use present::{
    IssuerDocument, address, build, descriptions, files, logo, needs_restart, tls,
};

/// A build without issuer has nothing to warn of.
#[cfg(not(feature = "issuer"))]
impl Config {
    pub fn issuer_warnings(&self) -> Vec<TrustWarning> {
        Vec::new()
    }

    pub fn unlisted(&self, _: &Policy, _: &Catalogue) -> Vec<TrustWarning> {
        Vec::new()
    }
}

/// An entry with `keys: companion` is about the issuer of this very configuration.
pub(super) fn check_companions(
    trust: &[TrustedIssuer],
    issuer: Option<&IssuerSettings>,
    faults: &mut Faults,
) {
    for (position, entry) in trust.iter().enumerate() {
        if entry.keys == KeySource::Companion {
            check_companion(&format!("trust[{position}]"), entry, issuer, faults);
        }
    }
}

#[cfg(not(feature = "issuer"))]
fn check_companion(key: &str, _: &TrustedIssuer, _: Option<&IssuerSettings>, faults: &mut Faults) {
    faults.add(
        format!("{key}.keys"),
        "`keys: companion` needs the section `issuer`: choose another source of keys",
    );
}

#[cfg(feature = "issuer")]
fn check_companion(
    key: &str,
    entry: &TrustedIssuer,
    issuer: Option<&IssuerSettings>,
    faults: &mut Faults,
) {
    let name = &entry.rules.issuer;
    let Some(issuer) = issuer else {
        faults.add(
            format!("{key}.keys"),
            format!(
                "issuer `{name}`: `keys: companion` needs the section `issuer`: add it, or choose \
             another source of keys"
            ),
        );
        return;
    };
    if **name != *issuer.url {
        faults.add(
            format!("{key}.issuer"),
            format!(
                "issuer `{name}`: `keys: companion` is for the issuer in this process, which is \
             `{}`: write that, or choose another source of keys",
                issuer.url
            ),
        );
    }
    if !entry.rules.algorithms.contains(&issuer.algorithm) {
        faults.add(format!("{key}.algorithms"), format!(
            "issuer `{name}`: `issuer.algorithm: {algorithm}` is not among its `algorithms`, so \
             no token would be accepted: list {algorithm} there, together with the previous one \
             during a change",
            algorithm = issuer.algorithm
        ));
    }
    let known = |audience: &str| {
        audience == issuer.url || issuer.audiences.iter().any(|known| known == audience)
    };
    if !entry.rules.audiences.iter().any(|audience| known(audience)) {
        let fix = match entry.rules.audiences.first() {
            Some(first) if issuer.audiences.is_empty() => {
                format!("add `audiences: [{first}]` to the section `issuer`, which lists none")
            }
            _ => "list one of them in `issuer.audiences`".to_owned(),
        };
        faults.add(format!("{key}.audiences"), format!(
            "issuer `{name}`: none of its `audiences` is one of `issuer.audiences`, so no token \
             would be accepted: {fix}"
        ));
    }
}
