//! A page of `docs/providers` as a user copies from it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::test_app::Setup;

/// What a user copies from a page.
pub(crate) struct Page {
    /// The section `trust` of the server's config.
    pub(crate) trust: String,
    pub(crate) policy: String,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(folder().join(name).with_extension("md")).unwrap();
        Self {
            trust: block(&text, "trust:\n"),
            policy: block(&text, "version: 1\n"),
        }
    }

    /// The same page with keys from a file in place of the provider's.
    pub(crate) fn with_keys_from_a_file(mut self) -> Self {
        let line = |line: &str| {
            let key = line.trim_start();
            let indent = &line[..line.len() - key.len()];
            let names_keys = ["jwks_uri:", "jwks_file:", "discovery:"];
            if names_keys.iter().any(|name| key.starts_with(name)) {
                format!("{indent}jwks_file: jwks.json\n")
            } else {
                format!("{line}\n")
            }
        };
        self.trust = self.trust.lines().map(line).collect();
        self
    }

    /// A line of a request with this token, in the header that the page names.
    pub(crate) fn line(&self, token: &str) -> String {
        let named = self.trust.split_once("token_header: ");
        let name = named.and_then(|(_, rest)| rest.split_whitespace().next());
        name.map_or_else(
            || format!("authorization: Bearer {token}"),
            |name| format!("{name}: {token}"),
        )
    }

    /// A gate with the page's policy; [`Page::put_trust_into`] adds the rest.
    pub(crate) fn setup(&self) -> Setup {
        Setup {
            policy: Some(self.policy.clone()),
            trust: Some("{}".to_owned()),
            ..Setup::default()
        }
    }

    /// Writes the page's `trust` into the config of this folder.
    pub(crate) fn put_trust_into(&self, folder: &Path) -> PathBuf {
        let path = folder.join("portcullis.yaml");
        let config = fs::read_to_string(&path).unwrap();
        assert!(config.contains("trust: [{}]\n"), "{config}");
        fs::write(&path, config.replace("trust: [{}]\n", &self.trust)).unwrap();
        path
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers")
}

/// The first block of YAML that begins so.
fn block(page: &str, begin: &str) -> String {
    let mut blocks = page.split("```yaml\n").skip(1);
    let block = blocks.find(|block| block.starts_with(begin)).unwrap();
    block.split("```").next().unwrap().to_owned()
}
