//! The section `traces`, and what stands in for it in a binary that sends no spans.

#[cfg(not(feature = "traces"))]
mod absent {
    use std::path::Path;

    pub(in crate::config) use serde::de::IgnoredAny as TracesDocument;

    use crate::problem::Faults;

    /// Nothing that could be configured.
    #[derive(Debug, Clone, PartialEq)]
    pub enum TracesSettings {}

    pub(in crate::config) fn build(
        _: TracesDocument,
        _: &Path,
        faults: &mut Faults,
    ) -> Option<TracesSettings> {
        faults.add(
            "traces",
            "`traces` needs a binary that was built with the feature `traces`: use that one, or \
             remove the section",
        );
        None
    }
}

#[cfg(feature = "traces")]
mod present {
    use std::path::Path;

    use crate::problem::Faults;
    pub(in crate::config) use crate::traces::TracesDocument;
    pub use crate::traces::TracesSettings;

    pub(in crate::config) fn build(
        document: TracesDocument,
        base: &Path,
        faults: &mut Faults,
    ) -> Option<TracesSettings> {
        document.build(base, faults)
    }
}

#[cfg(not(feature = "traces"))]
pub use absent::TracesSettings;
#[cfg(not(feature = "traces"))]
pub(super) use absent::{TracesDocument, build};
#[cfg(feature = "traces")]
pub use present::TracesSettings;
#[cfg(feature = "traces")]
pub(super) use present::{TracesDocument, build};
