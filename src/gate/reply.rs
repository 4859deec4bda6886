//! One check on its way to its answer.

use std::time::{Duration, Instant};

use futures_util::future::{Either, Ready, ready};

use super::decision_id::ID_LENGTH;
use super::decision_log::RefusalEntry;
use super::refusing::Refusing;
use super::shadow::{Attempt, Compared, DifferenceEntry, ShadowEffort};
use super::spans::{CheckSpan, StepKind, Steps, TraceHeaders};
use super::stage::Stage;
use super::turn::TooLate;
use super::{Allowed, FrontEnd, Gate, KeyNews, Outcome, Refusal, Refused, Request, Turn};
use crate::authorizer::{Difference, Judgement, Question, Snapshot};
use crate::decision::{Decision, Permit};
use crate::token::{Credentials, MissingKey, VerifiedToken};

/// How far the synchronous part of a check came.
enum Progress<A> {
    Answered(A),
    /// Only the token's signature can tell.
    NeedsSignature,
    /// The answer may change once the issuer has been asked for this key.
    MissingKey(MissingKey),
    /// There is an answer; only the token's signature can tell what the shadow policy says.
    ShadowNeedsSignature,
}

/// One check on its way to its answer, which is counted and logged here, once.
pub(super) struct Reply<'c, F> {
    pub(super) gate: &'c Gate,
    pub(super) front_end: &'c F,
    pub(super) arrived: Instant,
    pub(super) steps: Steps,
}

/// A check that was judged, and whose answer has this id.
struct Judged<'j> {
    request: &'j Request<'j>,
    snapshot: &'j Snapshot,
    caller: Option<&'j VerifiedToken>,
    decision_id: &'j str,
}

impl<'c, F: FrontEnd> Reply<'c, F> {
    /// Most checks need not wait and have their answer at once. The others keep their request on the heap:
    /// a future is as large as all that it may have to keep, and is moved several times on its way into a
    /// task.
    pub(super) fn check(
        self,
        request: Request<'c>,
        turn: &'c Turn<'c>,
    ) -> Either<Ready<F::Answer>, impl Future<Output = F::Answer>> {
        let first = Stage::First(turn.verifications.effort_before());
        match self.judge(&request, first, ShadowEffort::Cache) {
            Progress::Answered(answer) => Either::Left(ready(answer)),
            progress => Either::Right(Box::pin(self.wait(request, turn, first, progress))),
        }
    }

    /// Waits for what is needed, and judges again, until there is an answer.
    async fn wait(
        mut self,
        request: Request<'c>,
        turn: &'c Turn<'c>,
        mut stage: Stage,
        mut progress: Progress<F::Answer>,
    ) -> F::Answer {
        let request = &request;
        let mut shadow = ShadowEffort::Cache;
        loop {
            shadow = match (&progress, shadow) {
                (Progress::ShadowNeedsSignature, _) => ShadowEffort::Signature,
                // Whatever this check waits for next, it waits for one policy alone.
                (_, ShadowEffort::Signature) => ShadowEffort::Spent,
                (_, shadow) => shadow,
            };
            stage = match (progress, stage) {
                (Progress::Answered(answer), _) => return answer,
                // A check asks an issuer once. What the answer did not bring, asking again will not
                // either.
                (Progress::NeedsSignature, Stage::Asked(news)) => Stage::Final(news),
                (Progress::NeedsSignature, _) => Stage::Verifying,
                (Progress::MissingKey(missing), _) => self.ask(missing, request, turn).await,
                (Progress::ShadowNeedsSignature, stage) => stage,
            };
            let mut running = None;
            // A signature costs far more than the rest of a check, so that only so many are verified at
            // once; checks with a cached proof never stand in that line.
            if stage.verifies() {
                self.steps.begin(StepKind::Turn);
                let begun = turn.verifications.begin(turn.deadline, request.held_bytes);
                match begun.await {
                    Ok(verification) => {
                        self.steps.begin(StepKind::Verification);
                        running = Some(verification);
                    }
                    Err(TooLate) => stage = Stage::Unverified,
                }
            } else if shadow == ShadowEffort::Signature {
                running = turn.verifications.begin_if_idle().await;
                if running.is_none() {
                    shadow = ShadowEffort::Spent;
                }
            }
            progress = self.judge(request, stage, shadow);
            // The next check may verify its signature; this one will not do so again, or will ask
            // anew.
            drop(running);
            self.steps.end();
        }
    }

    /// Asks an issuer for a key, as long as the check may wait. It is asked even where the check may
    /// not wait at all: the next one finds the answer.
    async fn ask(&mut self, missing: MissingKey, request: &Request<'_>, turn: &Turn<'_>) -> Stage {
        let wait = turn.key_wait.min(turn.remaining());
        // Whoever waits holds its message in memory: beyond the bound it is answered as if there were
        // no time.
        let Ok(_place) = turn.verifications.wait_for_keys(request.held_bytes) else {
            return Stage::Unverified;
        };
        self.steps.begin(StepKind::Keys);
        let news = self.gate.keys.ask(missing, wait).await;
        self.steps.end();
        Stage::Asked(news)
    }

    fn judge(
        &self,
        request: &Request<'_>,
        stage: Stage,
        shadow: ShadowEffort,
    ) -> Progress<F::Answer> {
        let authorizer = &self.gate.authorizer;
        // Taken anew at each stage: policy, keys and revocations may have changed meanwhile, and a
        // check that waits must not keep an old snapshot alive.
        let snapshot = authorizer.snapshot();
        let credentials = match stage {
            // A route that is open to everybody stays so: there a token that nobody has looked at
            // counts like a bad one. Everywhere else this leads to a denial.
            Stage::Unverified => &Credentials::NONE,
            _ => &request.credentials,
        };
        let question = Question {
            target: &request.target,
            attributes: request.attributes,
            credentials,
        };
        let judged = authorizer.judge_and_remember(&snapshot, &question, stage.effort());
        let Some((mut judgement, known)) = judged else {
            return Progress::NeedsSignature;
        };
        if let Some(missing) = &judgement.missing_key
            && stage.may_ask()
        {
            if self.gate.keys.can_ask(missing) {
                return Progress::MissingKey(missing.clone());
            }
            // The issuer may have answered since the snapshot was taken: then its keys are in the next one, and
            // this judgement would call a good token bad.
            if !authorizer.is_current(&snapshot) {
                return self.judge(request, stage, shadow);
            }
        }
        if stage == Stage::Unverified {
            // Shadow mode lets a caller through with the identity that its token proves, not without.
            judgement.enforce();
        }
        let attempt = Attempt {
            stage,
            effort: shadow,
        };
        let compared = self
            .gate
            .compare(&snapshot, &question, &judgement, known.as_ref(), attempt);
        let Ok(compared) = compared else {
            return Progress::ShadowNeedsSignature;
        };
        // Only now: a check is judged several times and counted once.
        authorizer.tally(&snapshot, &judgement);
        Progress::Answered(self.conclude(request, &snapshot, stage, judgement, compared))
    }

    /// The answer to a check that need not be judged again.
    fn conclude(
        &self,
        request: &Request<'_>,
        snapshot: &Snapshot,
        stage: Stage,
        judgement: Judgement<'_>,
        compared: Option<Compared<'_>>,
    ) -> F::Answer {
        if stage == Stage::Unverified {
            if let Decision::Deny(_) = judgement.decision {
                return self.refuse(&Refusal::Overload, &Refusing::of(request));
            }
            self.gate.metrics.token_ignored();
        }
        let due = match (&judgement.missing_key, stage.news()) {
            (Some(_), Some(KeyNews::Due(after))) => Some(after),
            _ => None,
        };
        let mut text = [0; ID_LENGTH];
        let judged = Judged {
            request,
            snapshot,
            caller: judgement.caller.as_deref(),
            decision_id: self.gate.ids.next(&mut text),
        };
        let answer = self.answer(judgement.decision, &judged, due);
        if let Some(compared) = compared {
            self.tell_difference(&compared, &judged);
        }
        answer
    }

    /// `due` is given where nobody knows yet whether the token is good.
    fn answer(
        &self,
        decision: Decision<'_>,
        judged: &Judged<'_>,
        due: Option<Duration>,
    ) -> F::Answer {
        let denial = match decision {
            Decision::Allow(permit) => return self.allow(permit, judged),
            Decision::Deny(denial) => denial,
        };
        let refusal = match due {
            // That is not the caller's fault.
            Some(after) => Refusal::KeysDue {
                route: denial.route(),
                after,
            },
            None => Refusal::Denied(denial),
        };
        let about = Refusing::denied(denial, judged.request, judged.snapshot, judged.caller);
        self.refuse_as(&refusal, &about, judged.decision_id)
    }

    fn allow(&self, permit: Permit<'_>, judged: &Judged<'_>) -> F::Answer {
        let Judged {
            request,
            snapshot,
            caller,
            decision_id,
        } = *judged;
        let (route, reason) = (permit.route(), permit.label());
        let shadowed = permit.shadowed();
        let headers = &self.gate.headers;
        let answer = self.front_end.render(Outcome::Allow(Allowed {
            permit,
            caller,
            headers: headers.sources(request.headers.aliases(), request.view),
            decision_id,
        }));
        // After rendering, so that the time of writing headers and metadata is in it.
        let latency = self.arrived.elapsed();
        self.gate.metrics.allowed(latency);
        match shadowed {
            None => {
                let log = &self.gate.log;
                let summary = request.summary();
                log.allow(route, reason, summary, caller, decision_id, latency);
                self.trace(&request.trace_headers(), latency, || {
                    log.span_of_allowed(route, reason, summary, caller, decision_id, latency)
                });
            }
            // In the log and in the metrics as what it would be in earnest: whoever ends shadow mode goes by
            // these numbers.
            Some(denial) => {
                let refusal = Refusal::Denied(denial);
                self.gate.metrics.would_deny(&refusal);
                let about = Refusing::denied(denial, request, snapshot, caller);
                let entry = self.entry(&refusal, &about, decision_id, latency);
                let log = &self.gate.log;
                log.would_deny(&route.name, &entry, || about.diagnose());
                self.trace(&about.trace, latency, || {
                    log.span_of_would_deny(&route.name, &entry)
                });
            }
        }
        answer
    }

    /// Counts what the shadow policy says of a check that has its answer, and logs a difference.
    fn tell_difference(&self, compared: &Compared<'_>, judged: &Judged<'_>) {
        compared.tally();
        if compared.difference == Difference::Alike {
            return;
        }
        self.gate.log.differs(&DifferenceEntry {
            compared,
            request: judged.request,
            caller: judged.caller,
            policy_digest: judged.snapshot.policy().digest(),
            decision_id: judged.decision_id,
            now: Instant::now(),
        });
    }

    fn entry<'e>(
        &self,
        refusal: &'e Refusal<'e>,
        about: &'e Refusing<'_>,
        decision_id: &'e str,
        latency: Duration,
    ) -> RefusalEntry<'e> {
        RefusalEntry {
            refusal,
            request: about.request,
            caller: about.caller,
            policy_digest: about.policy_digest(),
            decision_id,
            arrived: self.arrived,
            latency,
        }
    }

    pub(super) fn refuse(&self, refusal: &Refusal<'_>, about: &Refusing<'_>) -> F::Answer {
        let mut text = [0; ID_LENGTH];
        let decision_id = self.gate.ids.next(&mut text);
        self.refuse_as(refusal, about, decision_id)
    }

    fn refuse_as(
        &self,
        refusal: &Refusal<'_>,
        about: &Refusing<'_>,
        decision_id: &str,
    ) -> F::Answer {
        let answer = self.front_end.render(Outcome::Refuse(Refused {
            refusal,
            dialect: about.dialect,
            caller: about.caller,
            realm: &self.gate.realm,
            decision_id,
        }));
        let latency = self.arrived.elapsed();
        self.gate.metrics.refused(refusal, latency);
        let entry = self.entry(refusal, about, decision_id, latency);
        self.gate.log.refuse(&entry, || about.diagnose());
        self.trace(&about.trace, latency, || {
            self.gate.log.span_of_refused(&entry)
        });
        answer
    }

    fn trace(
        &self,
        headers: &TraceHeaders<'_>,
        latency: Duration,
        describe: impl Fn() -> CheckSpan,
    ) {
        if let Some(spans) = &self.gate.spans {
            let steps = || self.steps.of_check(self.arrived, latency);
            spans.record(headers, &|| CheckSpan {
                steps: steps(),
                ..describe()
            });
        }
    }
}
