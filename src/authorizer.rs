//! The authorizer: snapshots of policy and trust, and the proof cache, around `decide`.
//!
//! Synchronous and free of I/O. It is the only caller of [`decide`]. What feeds its snapshots
//! (reloads, key sets) runs elsewhere and swaps them whole; a check never waits for it.

mod current_trust;
mod diagnosis;
mod metrics;
mod opinion;
mod proof_cache;
mod shadow;
mod snapshot;
mod tally;

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::clock::{Clock, UnixSeconds};
use crate::condition::{Attributes, NoAttributes};
use crate::decision::{Decision, Denial, Evidence, decide};
use crate::policy::{Circumstances, Policy, Routed, Target};
use crate::token::{
    Credential, Credentials, MissingKey, RecheckError, TokenError, Trust, UnverifiedToken,
    VerifiedToken,
};

pub use current_trust::CurrentTrust;
pub use diagnosis::Diagnosis;
pub use metrics::AuthorizerMetrics;
pub use opinion::{Known, Opinion};
pub use proof_cache::{CacheLimits, CacheStatistics, Proof, ProofCache};
pub use shadow::{Difference, DifferenceTally, InShadow, ShadowPolicy};
pub use snapshot::Snapshot;
pub use tally::RouteTally;

/// The outcome of one check.
#[derive(Debug)]
pub struct Judgement<'p> {
    pub decision: Decision<'p>,
    /// The caller's verified token, also where the route did not need it.
    pub caller: Option<Arc<VerifiedToken>>,
    /// The token was refused for want of a key, or because the one that it names did not sign it:
    /// asking the issuer anew may turn the denial into an allow.
    pub missing_key: Option<MissingKey>,
}

/// How much a judgement may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A look into the proof cache.
    Cache,
    /// Also reading a token's text: everything but its signature.
    Text,
    Full,
}

/// Why there is no verified token.
enum Unverified {
    Absent,
    /// The token does not hold.
    Refused(TokenError),
    /// The effort ended before the signature.
    NeedsSignature,
}

impl From<TokenError> for Unverified {
    fn from(error: TokenError) -> Self {
        Self::Refused(error)
    }
}

/// What is judged: a request as its front end understood it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub target: &'a Target<'a>,
    /// What conditions may ask for.
    pub attributes: &'a dyn Attributes,
    pub credentials: &'a Credentials<'a>,
}

pub struct Authorizer {
    snapshot: ArcSwap<Snapshot>,
    proofs: ProofCache,
    clock: Arc<dyn Clock>,
}

impl Authorizer {
    /// An authorizer that begins with `snapshot`.
    pub fn new(snapshot: Snapshot, limits: CacheLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            proofs: ProofCache::new(limits),
            clock,
        }
    }

    /// What checks are judged by at this moment. Never waits.
    pub fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Whether checks are still judged by this snapshot.
    pub fn is_current(&self, snapshot: &Snapshot) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.snapshot.load()), snapshot)
    }

    /// Replaces the snapshot by what `successor` makes of it. It is asked again if somebody else
    /// was faster, so it must read what it builds on anew each time.
    pub fn update(&self, successor: impl Fn(&Snapshot) -> Snapshot) {
        self.snapshot.rcu(|current| successor(current));
    }

    /// Hits, misses and evictions of the proof cache so far, and its size.
    pub fn cache_statistics(&self) -> CacheStatistics {
        self.proofs.statistics()
    }

    /// Judges a request by `snapshot`. Free of effects but for the cache: a check that waits for
    /// keys is judged twice, and counted once by [`Authorizer::tally`].
    pub fn judge<'p>(
        &self,
        snapshot: &'p Snapshot,
        target: &Target<'_>,
        credential: Credential<'_>,
    ) -> Judgement<'p> {
        let question = Question {
            target,
            attributes: &NoAttributes,
            credentials: &Credentials::bearer(credential),
        };
        let judged = self.judge_within(snapshot, &question, Effort::Full);
        // With full effort there is always a judgement.
        judged.unwrap_or(Judgement::denied(Denial::Unlisted))
    }

    /// The same with no more than this effort; nothing where that does not suffice.
    pub fn judge_within<'p>(
        &self,
        snapshot: &'p Snapshot,
        question: &Question<'_>,
        effort: Effort,
    ) -> Option<Judgement<'p>> {
        let (judgement, _) = self.judge_and_remember(snapshot, question, effort)?;
        Some(judgement)
    }

    /// The same with what was found out on the way, for [`Authorizer::judge_in_shadow`]; nothing of that
    /// where there is no shadow policy, or the request is malformed.
    pub fn judge_and_remember<'p, 'q>(
        &self,
        snapshot: &'p Snapshot,
        question: &Question<'q>,
        effort: Effort,
    ) -> Option<(Judgement<'p>, Option<Known<'q>>)> {
        let refused = |denial| Some((Judgement::denied(denial), None));
        // The target comes first: a request that can be read in two ways is refused whatever token it
        // carries, and on routes where no token counts none is verified.
        let routed = match snapshot.policy().route(question.target) {
            Ok(routed) => routed,
            Err(malformed) => return refused(Denial::MalformedTarget(malformed)),
        };
        let credentials = question.credentials;
        let credential = credentials.of(snapshot.trust(), |rules| routed.admits(&rules.name));
        if credential == Credential::Several {
            return refused(Denial::SeveralCredentials);
        }
        let looked = if routed.may_need_token() {
            Some(self.look(snapshot, credential, effort)?)
        } else {
            None
        };
        let known = snapshot.shadow().is_some().then(|| Known {
            credential,
            looked: looked.clone(),
        });
        let verified = looked.unwrap_or(Ok(None));
        let verified = verified.map_err(|error| on_routes(&routed, error, snapshot));
        let circumstances = circumstances(snapshot.policy(), &routed, question, || self.now());
        let judgement = Judgement {
            decision: decide(&routed, evidence(&verified), &circumstances),
            missing_key: match verified {
                Err(error) if is_about_a_key(error) => {
                    let missing = missing_key(&routed, credential, snapshot);
                    if missing.is_none() {
                        // New keys would change nothing: it is not judged again.
                        self.proofs.count_miss();
                    }
                    missing
                }
                Ok(_) | Err(_) => None,
            },
            caller: verified
                .ok()
                .flatten()
                .filter(|token| routed.counts(token.issuer_name())),
        };
        Some((judgement, known))
    }

    /// What becomes of this credential; nothing where the effort does not suffice.
    fn look(
        &self,
        snapshot: &Snapshot,
        credential: Credential<'_>,
        effort: Effort,
    ) -> Option<Result<Option<Arc<VerifiedToken>>, TokenError>> {
        match self.verify(snapshot.current_trust(), credential, effort) {
            Ok(token) => Some(Ok(Some(token))),
            Err(Unverified::Absent) => Some(Ok(None)),
            Err(Unverified::Refused(error)) => Some(Err(error)),
            Err(Unverified::NeedsSignature) => None,
        }
    }

    fn verify(
        &self,
        current_trust: &CurrentTrust,
        credential: Credential<'_>,
        effort: Effort,
    ) -> Result<Arc<VerifiedToken>, Unverified> {
        match credential {
            Credential::Absent | Credential::OtherScheme => Err(Unverified::Absent),
            Credential::Several | Credential::Malformed => Err(TokenError::Parts.into()),
            Credential::TooLong => Err(TokenError::TooLong.into()),
            Credential::Token(token) => {
                // Also for a proof from the cache: it was made before what has been revoked since.
                let proof = self.prove(current_trust.trust(), token, effort)?;
                current_trust.check_revocation(&proof)?;
                Ok(proof.token)
            }
        }
    }

    /// Takes the proof from the cache if it still holds, else verifies the token.
    fn prove(
        &self,
        trust: &Trust,
        token: UnverifiedToken<'_>,
        effort: Effort,
    ) -> Result<Proof, Unverified> {
        let now = self.clock.now();
        let key = self.proofs.key(token);
        // Found by the token's text alone. What was proven of it in one header says nothing of
        // another, where it may belong to another entry or to none.
        let found = self.proofs.get(&key);
        let found = found.filter(|proof| proof.token.token_header() == token.header());
        let is_miss = found.is_none();
        if let Some(proof) = found {
            match trust.recheck(&proof.token, now) {
                Ok(()) => return Ok(proof),
                // It stays in the cache, which drops it when it expires: to verify it anew would cost a
                // signature and say the same.
                Err(RecheckError::Times(error)) => return Err(error.into()),
                Err(RecheckError::TrustChanged) => self.proofs.remove(&key),
            }
        }
        // Verified by the trust of the snapshot that is judged by, not by the newest: a proof must not
        // come from keys that this judgement does not know.
        let looked_at = match effort {
            Effort::Cache => Ok(None),
            Effort::Text => trust.screen(token, now).map(|()| None),
            Effort::Full => trust.verify(token, now).map(Some),
        };
        // A check that is judged again, for its signature or with new keys, counts then.
        let may_come_again = match looked_at {
            Ok(None) => true,
            Err(error) => is_about_a_key(error),
            Ok(Some(_)) => false,
        };
        if is_miss && !may_come_again {
            self.proofs.count_miss();
        }
        let verified = looked_at?.ok_or(Unverified::NeedsSignature)?;
        let proof = Proof::of(verified);
        self.proofs.insert(key, proof.clone(), now);
        Ok(proof)
    }

    /// Counts a judgement with the route that decided, and as a miss of the proof cache if its key
    /// is still unknown.
    pub fn tally(&self, snapshot: &Snapshot, judgement: &Judgement<'_>) {
        if judgement.missing_key.is_some() {
            self.proofs.count_miss();
        }
        let route = match &judgement.decision {
            Decision::Allow(permit) => Some(permit.route()),
            Decision::Deny(denial) => denial.route(),
        };
        if let Some(tally) = route.and_then(|route| snapshot.tally_of(route)) {
            tally.count(&judgement.decision);
        }
    }

    /// The present, by this authorizer's clock.
    pub fn now(&self) -> UnixSeconds {
        self.clock.now()
    }
}

impl Judgement<'_> {
    /// Denies what only shadow mode lets through.
    pub fn enforce(&mut self) {
        let shadowed = match &self.decision {
            Decision::Allow(permit) => permit.shadowed(),
            Decision::Deny(_) => None,
        };
        if let Some(denial) = shadowed {
            self.decision = Decision::Deny(denial);
        }
    }

    fn denied(denial: Denial<'_>) -> Judgement<'_> {
        Judgement {
            decision: Decision::Deny(denial),
            caller: None,
            missing_key: None,
        }
    }
}

fn evidence(verified: &Result<Option<Arc<VerifiedToken>>, TokenError>) -> Evidence<'_> {
    match verified {
        Ok(None) => Evidence::Absent,
        Ok(Some(token)) => Evidence::Verified(token),
        Err(error) => Evidence::Refused(*error),
    }
}

/// What the conditions of these routes read. The clock is asked only where there are some.
fn circumstances<'a>(
    policy: &'a Policy,
    routed: &Routed<'_>,
    question: &Question<'a>,
    now: impl FnOnce() -> UnixSeconds,
) -> Circumstances<'a> {
    Circumstances {
        policy,
        target: question.target,
        attributes: question.attributes,
        now: if routed.has_conditions() {
            now()
        } else {
            UnixSeconds(0)
        },
    }
}

/// What an error of the token is on these routes. The keys of an issuer that does not count there are not waited
/// for: with them the token would be refused as well.
fn on_routes(routed: &Routed<'_>, error: TokenError, snapshot: &Snapshot) -> TokenError {
    let rules = error
        .issuer_without_key()
        .and_then(|issuer| snapshot.trust().rules(issuer));
    match rules {
        Some(rules) if !routed.admits(&rules.name) => TokenError::OtherIssuer,
        Some(_) | None => error,
    }
}

/// Whether other keys of the issuer could make the token a good one. A key may have been replaced
/// under its name, so that a wrong signature counts as well.
fn is_about_a_key(error: TokenError) -> bool {
    matches!(
        error,
        TokenError::UnknownKey(_) | TokenError::WrongSignature
    )
}

/// The key that the token asks for, where having it could open the route.
fn missing_key(
    routed: &Routed<'_>,
    credential: Credential<'_>,
    snapshot: &Snapshot,
) -> Option<MissingKey> {
    let Credential::Token(token) = credential else {
        return None;
    };
    if !routed.may_open() {
        return None;
    }
    let missing = snapshot.trust().missing_key(token)?;
    routed.admits(&missing.issuer().name).then_some(missing)
}

#[cfg(test)]
mod tests;
