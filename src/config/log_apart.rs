//! Keeps the log out of the files that the configuration reads or keeps something in: a line in the policy
//! would end the next reload. So it keeps what a gate writes for its own next start.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::parts::Parts;
use super::{ListenAddress, issuer, tls_of, traces};
use crate::feed;
use crate::files::{is_policy_file_name, policy_files, resolved};
use crate::jwks;
use crate::keyring::KeySource;
use crate::labels::Label;
use crate::problem::Faults;
use crate::telemetry::LogOutput;

const SNAPSHOT: &str = "snapshot_file";

/// A file that a gate writes for its own next start.
struct Written {
    /// The part of the configuration that names it.
    section: String,
    key: &'static str,
    path: PathBuf,
}

impl Written {
    /// It and what is written beside it.
    fn all(&self) -> Vec<PathBuf> {
        let mut all = if self.key == SNAPSHOT {
            feed::written_beside(&self.path).to_vec()
        } else {
            jwks::written_beside(&self.path).to_vec()
        };
        all.push(self.path.clone());
        all
    }
}

impl Parts {
    /// Refuses outputs of the log that are files with another purpose, by whatever path.
    pub(super) fn check_log_apart(&self, config: &Path, faults: &mut Faults) {
        let mut own = self.read_files(config);
        for written in self.written_files() {
            let key = format!("`{}`", written.section);
            own.extend(written.all().into_iter().map(|path| (key.clone(), path)));
        }
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

    /// Refuses files for a gate's next start that have another purpose, by whatever path: what they hold would be
    /// overwritten.
    pub(super) fn check_written_apart(&self, config: &Path, faults: &mut Faults) {
        let read = self.read_files(config);
        for written in self.written_files() {
            let all = written.all();
            let is_one = |file: &Path| all.iter().any(|path| is_in(path, file));
            let Some((key, file)) = read.iter().find(|(_, file)| is_one(file)) else {
                continue;
            };
            let at = format!("{}.{}", written.section, written.key);
            let message = format!(
                "`{at}`: the gate would overwrite `{}`, which {key} names, with `{}` or what it writes beside that: \
                 name a file that nothing else uses",
                file.display(),
                written.path.display(),
            );
            faults.add(at, message);
        }
    }

    /// What the entries of `trust` keep for the next start.
    fn written_files(&self) -> Vec<Written> {
        let issuers = self.issuers.trust.iter().enumerate();
        let files = issuers.filter_map(|(position, issuer)| {
            let section = self.trust_key(position);
            match &issuer.keys {
                KeySource::Remote(remote) => Some(Written {
                    section,
                    key: "jwks_cache_file",
                    path: remote.cache_file.clone()?,
                }),
                KeySource::Feed(feed) => Some(Written {
                    section: format!("{section}.feed"),
                    key: SNAPSHOT,
                    path: feed.snapshot_file.clone()?,
                }),
                KeySource::File(_) | KeySource::HmacSecret(_) | KeySource::Companion => None,
            }
        });
        files.collect()
    }

    fn trust_key(&self, position: usize) -> String {
        if self.issuers.is_trust_whole() {
            format!("trust[{position}]")
        } else {
            "trust".to_owned()
        }
    }

    /// The files and directories that a gate reads, or that its issuer keeps something in, and how they are
    /// called.
    fn read_files(&self, config: &Path) -> Vec<(String, PathBuf)> {
        let mut own = vec![("`--config`".to_owned(), config.to_owned())];
        let mut add = |key: &str, files: &mut dyn Iterator<Item = &PathBuf>| {
            own.extend(files.map(|file| (format!("`{key}`"), file.clone())));
        };
        add("policy", &mut self.policy.iter());
        add("shadow_policy", &mut self.shadow_policy.iter());
        for (position, issuer) in self.issuers.trust.iter().enumerate() {
            let key = self.trust_key(position);
            match &issuer.keys {
                KeySource::File(path) | KeySource::HmacSecret(path) => {
                    add(&key, &mut std::iter::once(path));
                }
                KeySource::Remote(remote) => {
                    let mut files = remote.ca_file.iter().chain(&remote.token_file);
                    add(&key, &mut files);
                }
                KeySource::Feed(feed) => add(&format!("{key}.feed"), &mut feed.files()),
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
