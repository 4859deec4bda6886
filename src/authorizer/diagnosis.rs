//! More about a denial than its caller may learn: for the log and for explanations, never for a decision.

use super::Snapshot;
use crate::decision::Denial;
use crate::policy::{NearMiss, Target};
use crate::token::{Credential, Credentials, Offence};

/// What else is known of a denial.
#[derive(Debug, Default)]
pub struct Diagnosis<'p> {
    /// Why no route lists the request, where none does.
    pub near_miss: Option<NearMiss<'p>>,
    /// What the token says where it is wrong, if it was refused.
    pub offence: Offence<'p>,
    /// The request had a credential, but not of the scheme `Bearer`.
    pub other_scheme: bool,
}

impl Snapshot {
    /// Looks closer at a request that was denied by this snapshot. Costs more than the decision.
    pub fn diagnose<'p>(
        &'p self,
        target: &Target<'_>,
        credentials: &Credentials<'_>,
        denial: &Denial<'_>,
    ) -> Diagnosis<'p> {
        // Searched for only where no route decided: it looks at more templates than the decision does.
        let near_miss = match denial.route() {
            Some(_) => None,
            None => self.policy().near_miss(target),
        };
        let credential = self.policy().route(target).map_or(
            // A target that cannot be read is refused whatever the credential.
            Credential::Absent,
            |routed| credentials.of(self.trust(), |rules| routed.admits(&rules.name)),
        );
        // Of the denial that was decided, not of a second verification: keys and time may have moved
        // on, and the log would then explain another answer than the one given.
        let offence = match (denial, credential) {
            (Denial::BadToken { error, .. }, Credential::Token(token)) => {
                self.trust().offence(token, *error)
            }
            _ => Offence::default(),
        };
        Diagnosis {
            near_miss,
            offence,
            other_scheme: credential == Credential::OtherScheme,
        }
    }
}
