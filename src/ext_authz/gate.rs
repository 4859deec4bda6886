//! One check from bytes to bytes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::answer::{Allowed, Answer, AnswerStyle};
use super::decision_log::DecisionLog;
use super::identity::AliasFinder;
use super::refusal::Refusal;
use super::request::{Check, Dialect};
use crate::authorizer::{Authorizer, Judgement};
use crate::decision::Decision;
use crate::telemetry::GateMetrics;
use crate::token::IssuerIndex;

/// Asks an issuer for keys that it may have made since it was asked last.
pub trait KeyRefresh: Send + Sync {
    /// Ends when the issuer has answered, or after `wait`; whether judging anew makes sense.
    fn refresh(
        &self,
        issuer: IssuerIndex,
        wait: Duration,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;
}

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
    /// The answer may change once this issuer has been asked for new keys.
    UnknownKey(IssuerIndex),
}

/// Whether a check may still wait for an issuer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Waits,
    Final,
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

    /// Answers a check. Waits at most `patience`, and only for a token that names an unknown key.
    pub async fn check(&self, message: &[u8], patience: Duration) -> Answer {
        let first = if patience.is_zero() {
            Patience::Final
        } else {
            Patience::Waits
        };
        match self.step(message, first) {
            Step::Answered(answer) => answer,
            Step::UnknownKey(issuer) => {
                self.keys.refresh(issuer, patience).await;
                match self.step(message, Patience::Final) {
                    Step::Answered(answer) => answer,
                    Step::UnknownKey(_) => self.refuse(Refusal::Defect),
                }
            }
        }
    }

    /// The answer to what could not even be handed to [`Gate::check`].
    pub fn refuse(&self, refusal: Refusal<'_>) -> Answer {
        self.deny(&refusal, Dialect::default(), None, Instant::now())
    }

    fn step(&self, message: &[u8], patience: Patience) -> Step {
        let judged = catch_unwind(AssertUnwindSafe(|| self.judge(message, patience)));
        judged.unwrap_or_else(|_| {
            // The panic hook has logged where.
            Step::Answered(self.refuse(Refusal::Defect))
        })
    }

    fn judge(&self, message: &[u8], patience: Patience) -> Step {
        let started = Instant::now();
        let check = match Check::read(message, &self.finder) {
            Ok(check) => check,
            Err(malformed) => {
                let refusal = Refusal::Malformed(malformed);
                return Step::Answered(self.deny(&refusal, Dialect::default(), None, started));
            }
        };
        let snapshot = self.authorizer.snapshot();
        let judgement = self.authorizer.judge(&snapshot, &check.request);
        if let (Some(issuer), Patience::Waits) = (judgement.unknown_key, patience) {
            return Step::UnknownKey(issuer);
        }
        self.authorizer.tally(&snapshot, &judgement);
        Step::Answered(self.answer(&check, &judgement, started))
    }

    fn answer(&self, check: &Check<'_>, judgement: &Judgement<'_>, started: Instant) -> Answer {
        let caller = judgement.caller.as_deref();
        match judgement.decision {
            Decision::Deny(denial) => {
                self.deny(&Refusal::Denied(denial), check.dialect(), caller, started)
            }
            Decision::Allow(grant) => {
                let mut text = [0; ID_LENGTH];
                let decision_id = self.ids.next(&mut text);
                let route = &*grant.route.name;
                let reason = grant.label();
                let answer = self.style.allow(&Allowed {
                    route,
                    reason,
                    caller,
                    aliases: &check.aliases,
                    view: check.view,
                    decision_id,
                });
                let latency = started.elapsed();
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
        started: Instant,
    ) -> Answer {
        let mut text = [0; ID_LENGTH];
        let decision_id = self.ids.next(&mut text);
        let answer = self.style.deny(refusal, dialect, caller, decision_id);
        let latency = started.elapsed();
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
