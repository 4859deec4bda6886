//! The files that a configuration names besides the policy, read as a start reads them.

use super::Config;
use crate::keyring;
use crate::problem::Faults;
use crate::telemetry::SubjectNames;

impl Config {
    /// What a start would find wrong with the keys, secrets and certificates that the configuration
    /// names. They are read and dropped; nobody is asked for remote ones.
    pub fn faults_of_files(&self) -> Faults {
        let mut faults = Faults::default();
        for (position, issuer) in self.trust.iter().enumerate() {
            if let Err(error) = keyring::check_files(issuer) {
                let at = format!("trust[{position}].{}", error.setting());
                faults.add(at, error.to_string());
            }
        }
        if let Err(error) =
            SubjectNames::load(self.log.subject, self.log.subject_key_file.as_deref())
        {
            faults.add("log.subject_key_file", error.to_string());
        }
        self.check_issuer_files(&mut faults);
        faults
    }

    #[cfg(feature = "issuer")]
    fn check_issuer_files(&self, faults: &mut Faults) {
        if let Some(feed) = &self.feed
            && let Err(error) = crate::feed::FeedAccess::read(feed)
        {
            faults.add("listeners.feed", error.to_string());
        }
        if let Some(issuer) = &self.issuer {
            crate::issuer::check_files(issuer, faults);
        }
    }

    #[cfg(not(feature = "issuer"))]
    #[expect(
        clippy::unused_self,
        reason = "this build has no issuer that could name files"
    )]
    fn check_issuer_files(&self, _: &mut Faults) {}
}
