//! Descriptions of the API, for the portal: read with the rest, and never in its way. They open and refuse nothing.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Inputs, Loader, PolicyError};
use crate::files::{self, FileError};
use crate::openapi::Catalogue;
use crate::problem::{Colour, Problems, Source};

/// The files of descriptions, as they are.
pub fn read_descriptions(paths: &[PathBuf]) -> Result<Vec<Source>, FileError> {
    paths.iter().map(|path| files::read_source(path)).collect()
}

/// What these inputs name.
pub(super) fn load(inputs: &Inputs) -> Result<Catalogue, PolicyError> {
    let sources = read_descriptions(&inputs.descriptions)?;
    Catalogue::read(&sources).map_err(|problems: Problems| PolicyError::Wrong {
        rendered: problems.render(&sources, Colour::Plain),
        problems,
    })
}

/// Those of a start; none where they cannot be read: a gate that does not start refuses everything.
pub(super) fn at_start(inputs: &Inputs) -> Catalogue {
    match load(inputs) {
        Ok(catalogue) => {
            log_warnings(&catalogue);
            catalogue
        }
        Err(error) => {
            log_error(&error, "the portal shows none");
            Catalogue::default()
        }
    }
}

fn log_error(error: &PolicyError, consequence: &str) {
    let error = error.of("issuer.portal.openapi_files");
    tracing::error!(%error, "the descriptions of the API cannot be read; {consequence}");
}

fn log_warnings(catalogue: &Catalogue) {
    for warning in &catalogue.warnings {
        tracing::warn!(description.warning = %warning, "an operation of a description is not on the portal");
    }
}

impl Loader {
    /// Those that cannot be read leave the last good ones where they are, and hold up neither policy nor keys.
    pub(super) fn renew_descriptions(&self, renewed: &Inputs) {
        match load(renewed) {
            Ok(catalogue) if catalogue == **self.descriptions.load() => {}
            Ok(catalogue) => {
                log_warnings(&catalogue);
                let operations = catalogue.operations.len();
                self.descriptions.store(Arc::new(catalogue));
                tracing::info!(
                    description.operations = operations,
                    "descriptions of the API reloaded"
                );
            }
            Err(error) => {
                log_error(&error, "the portal still shows the previous ones");
            }
        }
    }
}
