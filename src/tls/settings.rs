//! The section `tls` of a listener, and the certificates that other sections name.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::names::ClientNames;
use crate::problem::Faults;
use crate::yaml::present;

/// A certificate with its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The chain, its end first.
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
}

/// The certificate of a listener, and who may connect to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    pub identity: IdentityFiles,
    /// Absent: anybody.
    pub clients: Option<ClientRules>,
}

impl TlsSettings {
    /// The files whose change asks for a reload.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let identity = [&self.identity.cert_file, &self.identity.key_file];
        let clients = self.clients.iter().map(|clients| &clients.ca_file);
        identity.into_iter().chain(clients)
    }
}

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRules {
    /// The authorities, of one of which a client must have a certificate.
    pub ca_file: PathBuf,
    /// The names of which one must be in it; absent: every client of these authorities.
    pub names: Option<ClientNames>,
}

/// The section as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsDocument {
    cert_file: PathBuf,
    key_file: PathBuf,
    #[serde(default, deserialize_with = "present")]
    client_ca_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "present")]
    client_names: Option<Vec<String>>,
}

impl TlsDocument {
    /// Checks the section, which is at `key`; relative files are relative to `base`.
    pub fn build(self, key: &str, base: &Path, faults: &mut Faults) -> TlsSettings {
        let names = format!("{key}.client_names");
        if self.client_ca_file.is_none() && self.client_names.is_some() {
            faults.add(
                &*names,
                format!("`{names}` needs `client_ca_file`: without it nobody proves a name"),
            );
        }
        let names = self
            .client_names
            .map(|written| ClientNames::build(&written, &names, faults));
        TlsSettings {
            identity: IdentityFiles {
                cert_file: base.join(self.cert_file),
                key_file: base.join(self.key_file),
            },
            clients: self.client_ca_file.map(|file| ClientRules {
                ca_file: base.join(file),
                names,
            }),
        }
    }

    /// Whether clients must have a certificate.
    pub fn asks_for_clients(&self) -> bool {
        self.client_ca_file.is_some()
    }
}
