//! What the portal shows of files, descriptions of the API and a logo: read with the rest, and never in its way. They
//! open and refuse nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use serde::Serialize;

use super::{Inputs, Loader, PolicyError};
use crate::files::{self, FileError};
use crate::logo::{Logo, LogoError};
use crate::openapi::Catalogue;
use crate::problem::{Colour, Problems, Source};

/// What the portal shows of files. Each reload replaces it.
#[derive(Debug, Clone, Default)]
pub struct PortalFiles {
    /// What it offers to try out besides the routes of the policy.
    pub descriptions: Arc<ArcSwap<Catalogue>>,
    pub logo: Arc<ArcSwapOption<Logo>>,
}

/// What became of the last try to read these files.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PortalFilesState {
    /// How often one of them could not be read.
    pub failures: u64,
    /// Why one cannot be read; empty where all could be.
    pub errors: Vec<String>,
}

/// Why a file cannot be the logo.
#[derive(Debug, thiserror::Error)]
pub enum LogoFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("`{}` {source}", .path.display())]
    Wrong { path: PathBuf, source: LogoError },
}

/// The files of descriptions, as they are.
pub fn read_descriptions(paths: &[PathBuf]) -> Result<Vec<Source>, FileError> {
    paths.iter().map(|path| files::read_source(path)).collect()
}

/// The logo in this file.
pub fn read_logo(path: &Path) -> Result<Logo, LogoFileError> {
    let bytes = files::read_logo(path)?;
    Logo::parse(bytes).map_err(|source| LogoFileError::Wrong {
        path: path.to_owned(),
        source,
    })
}

fn load_descriptions(inputs: &Inputs) -> Result<Catalogue, PolicyError> {
    let sources = read_descriptions(&inputs.descriptions)?;
    Catalogue::read(&sources).map_err(|problems: Problems| PolicyError::Wrong {
        rendered: problems.render(&sources, Colour::Plain),
        problems,
    })
}

fn log_warnings(catalogue: &Catalogue) {
    for warning in &catalogue.warnings {
        tracing::warn!(description.warning = %warning, "an operation of a description is not on the portal");
    }
}

impl PortalFiles {
    /// Reads what these inputs name, and returns what cannot be read. That leaves the last good one where it is, and
    /// at a start none: a gate that does not start refuses everything.
    pub(super) fn renew(&self, inputs: &Inputs) -> Vec<String> {
        let descriptions = self.renew_descriptions(inputs).err();
        let logo = self.renew_logo(inputs.logo.as_deref()).err();
        descriptions.into_iter().chain(logo).collect()
    }

    fn renew_descriptions(&self, inputs: &Inputs) -> Result<(), String> {
        let catalogue = load_descriptions(inputs).map_err(|error| {
            let error = error.of("issuer.portal.openapi_files");
            tracing::error!(
                %error,
                "the descriptions of the API cannot be read; the portal shows those of before, if there are any"
            );
            error
        })?;
        if catalogue != **self.descriptions.load() {
            log_warnings(&catalogue);
            let operations = catalogue.operations.len();
            self.descriptions.store(Arc::new(catalogue));
            tracing::info!(
                description.operations = operations,
                "descriptions of the API loaded"
            );
        }
        Ok(())
    }

    fn renew_logo(&self, path: Option<&Path>) -> Result<(), String> {
        let logo = path.map(read_logo).transpose().map_err(|error| {
            let error = format!("`issuer.portal.logo_file`: {error}");
            tracing::error!(%error, "the logo cannot be read; the portal shows that of before, if there is one");
            error
        })?;
        self.logo.store(logo.map(Arc::new));
        Ok(())
    }
}

impl Loader {
    /// What cannot be read holds up neither policy nor keys.
    pub(super) fn renew_portal_files(&self, renewed: &Inputs) {
        let errors = self.portal_files.renew(renewed);
        let mut state = self.state.lock();
        if renewed.descriptions.is_empty() && renewed.logo.is_none() {
            state.portal_files = None;
            return;
        }
        let state = state.portal_files.get_or_insert_default();
        state.failures += u64::from(!errors.is_empty());
        state.errors = errors;
    }
}
