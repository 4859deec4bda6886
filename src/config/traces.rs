//! The section `traces`, and what stands in for it in a binary that sends no spans.

#[cfg(any(test, not(feature = "traces")))]
#[cfg_attr(
    feature = "traces",
    expect(
        dead_code,
        unreachable_pub,
        reason = "the test needs no more than `build`"
    )
)]
mod absent {
    use std::path::{Path, PathBuf};

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

    pub(in crate::config) fn check_files(settings: &TracesSettings, _: &mut Faults) {
        match *settings {}
    }

    pub(in crate::config) fn files(settings: &TracesSettings) -> Option<&PathBuf> {
        match *settings {}
    }
}

#[cfg(feature = "traces")]
mod present {
    use std::path::{Path, PathBuf};

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

    pub(in crate::config) fn check_files(settings: &TracesSettings, faults: &mut Faults) {
        if let Err(error) = crate::traces::check_files(settings) {
            faults.add("traces.ca_file", error.to_string());
        }
    }

    pub(in crate::config) fn files(settings: &TracesSettings) -> Option<&PathBuf> {
        settings.ca_file.as_ref()
    }
}

#[cfg(not(feature = "traces"))]
pub use absent::TracesSettings;
#[cfg(not(feature = "traces"))]
pub(super) use absent::{TracesDocument, build, check_files, files};
#[cfg(feature = "traces")]
pub use present::TracesSettings;
#[cfg(feature = "traces")]
pub(super) use present::{TracesDocument, build, check_files, files};

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::absent;
    use crate::problem::Faults;

    /// Tests are built with the feature: this is what the sidecar does.
    #[test]
    fn a_binary_without_the_feature_refuses_the_section_and_says_what_is_missing() {
        let section = r#"{"endpoint": "http://127.0.0.1:4317"}"#;
        let document: absent::TracesDocument = serde_json::from_str(section).unwrap();
        let mut faults = Faults::default();
        assert_eq!(absent::build(document, Path::new(""), &mut faults), None);
        insta::assert_snapshot!(faults.into_messages().join("\n"), @"`traces` needs a binary that was built with the feature `traces`: use that one, or remove the section");
    }
}
