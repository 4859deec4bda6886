//! One check from bytes to bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::answer::{Allowed, Answer, AnswerStyle};
use super::request::{Check, Dialect};
use crate::authorizer::{Authorizer, Effort, Judgement};
use crate::decision::Decision;
use crate::gate::{AliasFinder, DecisionLog, GateMetrics, KeyRefresh, Refusal, TooLate, Turn};
use crate::token::{Credential, IssuerIndex};

/// Judges `CheckRequest` messages.
pub struct Gate {
    authorizer: Arc<Authorizer>,
    style: AnswerStyle,
    finder: AliasFinder,
    log: DecisionLog,
    metrics: GateMetrics,
    keys: Arc<dyn KeyRefresh>,
    ids: DecisionIds,
}

/// What the synchronous part of a check came to.
enum Step {
    Answered(Answer),
    /// Only the token's signature can tell.
    NeedsSignature,
    /// The answer may change once this issuer has been asked for new keys.
    UnknownKey(IssuerIndex),
}

/// How far a check has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Judged with no more than this effort.
    First(Effort),
    /// Its token's signature is verified.
    Verifying,
    /// The issuer was asked for new keys.
    Refreshed,
    /// The signature is verified with the keys that there are now.
    Final,
    /// The signature will not be verified in time.
    Unverified,
}

impl Stage {
    fn effort(self) -> Effort {
        match self {
            Self::First(effort) => effort,
            Self::Refreshed => Effort::Text,
            Self::Verifying | Self::Final | Self::Unverified => Effort::Full,
        }
    }

    /// Whether the issuer may still be asked for new keys.
    fn may_refresh(self) -> bool {
        matches!(self, Self::First(_) | Self::Verifying)
    }

    fn verifies(self) -> bool {
        matches!(self, Self::Verifying | Self::Final)
    }
}

impl Gate {
    /// A gate before `authorizer`.
    pub fn new(
        authorizer: Arc<Authorizer>,
        style: AnswerStyle,
        log: DecisionLog,
        metrics: GateMetrics,
        keys: Arc<dyn KeyRefresh>,
    ) -> Self {
        let finder = AliasFinder::new(style.identity());
        Self {
            authorizer,
            style,
            finder,
            log,
            metrics,
            keys,
            ids: DecisionIds::new(),
        }
    }

    /// Answers a check, at the latest when its turn is over. It waits only where a signature has to
    /// be verified, or for the issuer of a token that names an unknown key.
    pub async fn check(&self, message: &[u8], turn: &Turn<'_>) -> Answer {
        if turn.remaining().is_zero() {
            return self.refuse_late(message, turn.arrived);
        }
        let mut stage = Stage::First(turn.verifications.effort_before());
        loop {
            let mut running = None;
            if stage.verifies() {
                let begun = turn.verifications.begin(turn.deadline, message.len());
                match begun.await {
                    Ok(turn_to_verify) => running = Some(turn_to_verify),
                    Err(TooLate) => stage = Stage::Unverified,
                }
            }
            let step = self.judge(message, stage, turn.arrived);
            drop(running);
            stage = match step {
                Step::Answered(answer) => return answer,
                Step::NeedsSignature if stage == Stage::Refreshed => Stage::Final,
                Step::NeedsSignature => Stage::Verifying,
                Step::UnknownKey(issuer) => self.refreshed(issuer, message.len(), turn).await,
            };
        }
    }

    /// The answer to a check that arrived at this time and could not even be handed to
    /// [`Gate::check`].
    pub fn refuse(&self, refusal: Refusal<'_>, arrived: Instant) -> Answer {
        self.deny(&refusal, Dialect::default(), None, arrived)
    }

    /// A refusal for a caller that has gone away: neither logged nor counted.
    pub(super) fn refuse_unheard(&self) -> Answer {
        let refusal = Refusal::Unreadable;
        self.style.deny(&refusal, Dialect::default(), None, "")
    }

    /// Asks an issuer for new keys, as long as the check may wait.
    async fn refreshed(&self, issuer: IssuerIndex, bytes: usize, turn: &Turn<'_>) -> Stage {
        let wait = turn.key_wait.min(turn.remaining());
        if wait.is_zero() {
            return Stage::Refreshed;
        }
        let Ok(_place) = turn.verifications.wait_for_keys(bytes) else {
            return Stage::Unverified;
        };
        self.keys.refresh(issuer, wait).await;
        Stage::Refreshed
    }

    fn judge(&self, message: &[u8], stage: Stage, arrived: Instant) -> Step {
        let check = match Check::read(message, &self.finder) {
            Ok(check) => check,
            Err(malformed) => {
                let refusal = Refusal::Malformed(malformed);
                return Step::Answered(self.deny(&refusal, Dialect::default(), None, arrived));
            }
        };
        let snapshot = self.authorizer.snapshot();
        let mut request = check.request;
        if stage == Stage::Unverified {
            // A route that is open to everybody stays so: there a token that nobody has looked at
            // counts like a bad one. Everywhere else this leads to a denial.
            request.credential = Credential::Absent;
        }
        let effort = stage.effort();
        let Some(judgement) = self.authorizer.judge_within(&snapshot, &request, effort) else {
            return Step::NeedsSignature;
        };
        if let Some(issuer) = judgement.unknown_key
            && stage.may_refresh()
        {
            return Step::UnknownKey(issuer);
        }
        self.authorizer.tally(&snapshot, &judgement);
        if stage == Stage::Unverified {
            if let Decision::Deny(_) = judgement.decision {
                let answer = self.deny(&Refusal::Overload, check.dialect(), None, arrived);
                return Step::Answered(answer);
            }
            self.metrics.token_ignored();
        }
        Step::Answered(self.answer(&check, judgement, arrived))
    }

    fn refuse_late(&self, message: &[u8], arrived: Instant) -> Answer {
        let dialect = Check::read(message, &self.finder).map(|check| check.dialect());
        self.deny(
            &Refusal::Overload,
            dialect.unwrap_or_default(),
            None,
            arrived,
        )
    }

    fn answer(&self, check: &Check<'_>, judgement: Judgement<'_>, arrived: Instant) -> Answer {
        let caller = judgement.caller.as_deref();
        match judgement.decision {
            Decision::Deny(denial) => {
                self.deny(&Refusal::Denied(denial), check.dialect(), caller, arrived)
            }
            Decision::Allow(permit) => {
                let mut text = [0; ID_LENGTH];
                let decision_id = self.ids.next(&mut text);
                let route = &*permit.route().name;
                let reason = permit.label();
                let answer = self.style.allow(Allowed {
                    permit,
                    caller,
                    aliases: &check.aliases,
                    view: check.view,
                    decision_id,
                });
                let latency = arrived.elapsed();
                self.metrics.allowed(latency);
                self.log.allow(route, reason, caller, decision_id, latency);
                answer
            }
        }
    }

    fn deny(
        &self,
        refusal: &Refusal<'_>,
        dialect: Dialect,
        caller: Option<&crate::token::VerifiedToken>,
        arrived: Instant,
    ) -> Answer {
        let mut text = [0; ID_LENGTH];
        let decision_id = self.ids.next(&mut text);
        let answer = self.style.deny(refusal, dialect, caller, decision_id);
        let latency = arrived.elapsed();
        self.metrics.denied(refusal, latency);
        self.log.deny(refusal, caller, decision_id, latency);
        answer
    }
}

const ID_LENGTH: usize = 16;

/// Names for decisions: 64 bits, unique within the process, telling nothing of their number.
#[derive(Debug)]
struct DecisionIds {
    seed: u64,
    count: AtomicU64,
}

impl DecisionIds {
    fn new() -> Self {
        let mut seed = [0; 8];
        // Without randomness ids start alike in each process; they are names, not secrets.
        let _ = aws_lc_rs::rand::fill(&mut seed);
        Self {
            seed: u64::from_le_bytes(seed),
            count: AtomicU64::new(0),
        }
    }

    /// Writes the next name into `text`, as hex digits.
    fn next<'t>(&self, text: &'t mut [u8; ID_LENGTH]) -> &'t str {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // The finaliser of SplitMix64 is a bijection: different counts give different names.
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut mixed = self
            .seed
            .wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        for (place, shift) in text.iter_mut().zip((0..64).step_by(4)) {
            let nibble = usize::try_from((mixed >> shift) & 15).unwrap_or(0);
            *place = DIGITS.get(nibble).copied().unwrap_or(b'0');
        }
        std::str::from_utf8(text).unwrap_or("")
    }
}
