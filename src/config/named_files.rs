//! The files that a configuration names besides the policy, read as a start reads them.

use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::{Config, ListenAddress, traces};
use crate::files::check_folder;
use crate::keyring::{self, TrustWarning};
use crate::problem::{Faults, Problem};
use crate::telemetry::{self, SubjectNames};
use crate::tls;
use crate::token::SkippedKey;

/// The most keys of one file that warnings name.
const MAX_KEYS_TOLD: usize = 8;

/// What was found in the files that a configuration names.
#[derive(Debug, Default)]
pub struct FileFindings {
    /// What would end a start.
    pub faults: Faults,
    /// What would be left out.
    pub warnings: Vec<TrustWarning>,
}

impl Config {
    /// What a start would find in the files of keys, secrets and certificates that the configuration
    /// names, and whether it could write its log and make its Unix socket. They are read and dropped, none is made, and nobody is asked
    /// for remote ones.
    pub fn check_files(&self) -> FileFindings {
        let mut found = FileFindings::default();
        for (position, issuer) in self.trust.iter().enumerate() {
            let entry = format!("trust[{position}]");
            match keyring::check_files(issuer) {
                Ok(skipped) => found.warnings.extend(left_out(&entry, &skipped)),
                Err(error) => {
                    let at = format!("{entry}.{}", error.setting());
                    found.faults.add(at, error.to_string());
                }
            }
        }
        if let Err(error) =
            SubjectNames::load(self.log.subject, self.log.subject_key_file.as_deref())
        {
            found.faults.add("log.subject_key_file", error.to_string());
        }
        telemetry::check_outputs(&self.log, &mut found.faults);
        if let ListenAddress::Unix(path) = &self.authz.address {
            check_socket(path, &mut found.faults);
        }
        if let Some(settings) = &self.traces {
            traces::check_files(settings, &mut found.faults);
        }
        for (listener, settings) in self.tls() {
            let section = listener.section();
            match tls::check_files(listener, settings) {
                Ok(remark) => found.warnings.extend(remark.map(|problem| TrustWarning {
                    key: format!("{section}.cert_file"),
                    problem,
                })),
                Err(error) => {
                    let setting = error
                        .setting()
                        .map(|setting| format!("{section}.{setting}"));
                    let at = setting.unwrap_or_else(|| section.to_owned());
                    found.faults.add(at, error.to_string());
                }
            }
        }
        check_issuer_files(self, &mut found);
        found
    }
}

/// Whether a socket could be made there. One that is there already may be that of a gate that runs, in whose
/// place this one is to come.
fn check_socket(path: &Path, faults: &mut Faults) {
    let key = "listeners.authz.address";
    let shown = path.display();
    let found = std::fs::symlink_metadata(path);
    if found.is_ok_and(|found| !found.file_type().is_socket()) {
        let message =
            format!("`{key}: unix:{shown}` exists and is not a socket: choose another path");
        faults.add(key, message);
    } else if let Err(error) = check_folder(path.parent().unwrap_or(Path::new(""))) {
        let message = format!(
            "`{key}: unix:{shown}` cannot be listened on: {error}: check that its directory exists and can \
             be written"
        );
        faults.add(key, message);
    }
}

/// Those of the listener for gates, and of the issuer.
#[cfg(feature = "issuer")]
fn check_issuer_files(config: &Config, found: &mut FileFindings) {
    if let Some(feed) = &config.feed
        && let Err(error) = crate::feed::FeedAccess::read(feed)
    {
        found
            .faults
            .add("listeners.feed.token_file", error.to_string());
    }
    if let Some(issuer) = &config.issuer {
        crate::issuer::check_files(issuer, &mut found.faults);
        found.warnings.extend(other_host(issuer));
    }
}

/// The certificate of the issuer is for another host than that which clients call.
#[cfg(feature = "issuer")]
fn other_host(issuer: &super::IssuerSettings) -> Option<TrustWarning> {
    let url: http::Uri = issuer.url.parse().ok()?;
    let (tls, host) = (issuer.tls.as_ref()?, url.host()?);
    let is_for = tls::is_for(tls, host.trim_matches(['[', ']']))?;
    (!is_for).then(|| TrustWarning {
        key: "issuer.tls.cert_file".to_owned(),
        problem: Problem::new(format!(
            "the certificate in `issuer.tls.cert_file` is not for `{host}`, the host of `issuer.url`: clients that call \
             the issuer itself refuse it"
        ))
        .help("have one made whose alternative names have the host, or correct `issuer.url`"),
    })
}

/// A build without issuer has neither.
#[cfg(not(feature = "issuer"))]
fn check_issuer_files(_: &Config, _: &mut FileFindings) {}

/// The keys of an entry's file that are not used; of many, the first.
fn left_out(entry: &str, skipped: &[SkippedKey]) -> Vec<TrustWarning> {
    let key = format!("{entry}.jwks_file");
    let more = skipped.len().saturating_sub(MAX_KEYS_TOLD);
    let told = skipped.iter().take(MAX_KEYS_TOLD);
    let told = told.map(|skipped| format!("`{key}` has a key that is not used: {skipped}"));
    let rest = (more > 0).then(|| format!("`{key}` has {more} more keys that are not used"));
    let warning = |message: String| TrustWarning {
        key: key.clone(),
        problem: Problem::new(message).help("correct the key, or remove it from the file"),
    };
    told.chain(rest).map(warning).collect()
}
