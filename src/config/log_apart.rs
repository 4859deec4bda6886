//! Keeps the log out of the files that the configuration reads: a line in the policy would end the next reload.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::parts::Parts;
use super::{ListenAddress, issuer, tls_of, traces};
use crate::feed;
use crate::files::{is_policy_file_name, policy_files};
use crate::jwks;
use crate::keyring::KeySource;
use crate::labels::Label;
use crate::problem::Faults;
use crate::telemetry::LogOutput;

impl Parts {
    /// Refuses outputs of the log that are files with another purpose, by whatever path.
    pub(super) fn check_log_apart(&self, config: &Path, faults: &mut Faults) {
        let own = self.own_files(config);
        for (kind, output) in self.log.outputs.distinct() {
            let LogOutput::File(path) = output else {
                continue;
            };
            if let Some((key, _)) = own.iter().find(|(_, file)| is_in(path, file)) {
                let at = format!("log.outputs.{}", kind.label());
                let message = format!(
                    "`{at}`: `{}` is what {key} names: lines of the log would spoil it; name a file that \
                     nothing else uses",
                    path.display()
                );
                faults.add(at, message);
            }
        }
    }

    /// The files and directories that a gate reads or keeps something in, and how they are called.
    fn own_files(&self, config: &Path) -> Vec<(String, PathBuf)> {
        let mut own = vec![("`--config`".to_owned(), config.to_owned())];
        let mut add = |key: &str, files: &mut dyn Iterator<Item = &PathBuf>| {
            own.extend(files.map(|file| (format!("`{key}`"), file.clone())));
        };
        add("policy", &mut self.policy.iter());
        add("shadow_policy", &mut self.shadow_policy.iter());
        for (position, issuer) in self.issuers.trust.iter().enumerate() {
            let key = if self.issuers.is_trust_whole() {
                format!("trust[{position}]")
            } else {
                "trust".to_owned()
            };
            match &issuer.keys {
                KeySource::File(path) | KeySource::HmacSecret(path) => {
                    add(&key, &mut std::iter::once(path));
                }
                KeySource::Remote(remote) => {
                    let files = remote.ca_file.iter().chain(&remote.token_file);
                    add(&key, &mut files.chain(&remote.cache_file));
                    let beside = remote.cache_file.iter();
                    let beside: Vec<_> =
                        beside.flat_map(|file| jwks::written_beside(file)).collect();
                    add(&key, &mut beside.iter());
                }
                KeySource::Feed(feed) => {
                    let key = format!("{key}.feed");
                    add(&key, &mut feed.files().chain(&feed.snapshot_file));
                    let beside = feed.snapshot_file.iter();
                    let beside: Vec<_> =
                        beside.flat_map(|file| feed::written_beside(file)).collect();
                    add(&key, &mut beside.iter());
                }
                KeySource::Companion => {}
            }
        }
        let (authz, feed) = (self.listeners.authz.as_ref(), self.listeners.feed.as_ref());
        let companion = self.issuers.companion.as_ref();
        for (listener, settings) in tls_of(authz, self.listeners.admin.as_ref(), feed, companion) {
            add(listener.section(), &mut settings.files());
        }
        if let Some(ListenAddress::Unix(path)) = authz.map(|authz| &authz.address) {
            add("listeners.authz.address", &mut std::iter::once(path));
        }
        let token = feed.and_then(|feed| feed.token_file.as_ref());
        add("listeners.feed.token_file", &mut token.into_iter());
        let key = "log.subject_key_file";
        add(key, &mut self.log.subject_key_file.iter());
        let authorities = self.traces.as_ref().and_then(traces::files);
        add("traces.ca_file", &mut authorities.into_iter());
        if let Some(settings) = companion {
            add("issuer", &mut issuer::files(settings).iter());
        }
        own
    }
}

/// Whether the output is the file, or of a directory a file that is read as part of the policy, if only once
/// there are lines in it.
fn is_in(output: &Path, own: &Path) -> bool {
    if !own.is_dir() {
        return is_same(output, own);
    }
    let output_path = resolved(output);
    let is_there = output_path.parent() == Some(&*resolved(own));
    let files = policy_files(own).unwrap_or_default();
    is_there && is_policy_file_name(&output_path) || files.iter().any(|file| is_same(output, file))
}

fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    match (identity(one), identity(other)) {
        (Some(one), Some(other)) => one == other,
        _ => resolved(one) == resolved(other),
    }
}

/// The path without links; of what is not there, that of its directory is.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
