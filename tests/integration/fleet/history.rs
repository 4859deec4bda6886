//! What happened, and whether it may have.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The promise: a check that begins this long after a revocation was answered is refused.
const PROMISED: Duration = Duration::from_secs(1);

/// More checks than this of one kind say something.
const MANY: usize = 100;

/// One check through Envoy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Check {
    pub(super) gate: usize,
    pub(super) token: usize,
    pub(super) began: Instant,
    /// 0 where nothing answered.
    pub(super) status: u16,
}

/// Revocations of one token.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    began: Option<Instant>,
    answered: Option<Instant>,
}

/// A time in which a gate, or every gate, may have been cut off.
#[derive(Debug, Clone, Copy)]
struct Cut {
    gate: Option<usize>,
    from: Instant,
    to: Option<Instant>,
}

pub(super) struct History {
    checks: Mutex<Vec<Check>>,
    fates: Mutex<Vec<Fate>>,
    cuts: Mutex<Vec<Cut>>,
    last_begun: AtomicUsize,
}

impl History {
    pub(super) fn new(tokens: usize) -> Self {
        Self {
            checks: Mutex::default(),
            fates: Mutex::new(vec![Fate::default(); tokens]),
            cuts: Mutex::default(),
            last_begun: AtomicUsize::new(0),
        }
    }

    pub(super) fn checked(&self, check: Check) {
        self.checks.lock().unwrap().push(check);
    }

    /// The token whose revocation began last.
    pub(super) fn last_begun(&self) -> usize {
        self.last_begun.load(Ordering::Relaxed)
    }

    pub(super) fn revocation_began(&self, token: usize) {
        self.last_begun.store(token, Ordering::Relaxed);
        self.fates.lock().unwrap()[token].began = Some(Instant::now());
    }

    pub(super) fn revoked(&self, token: usize, answered: Instant) {
        self.fates.lock().unwrap()[token].answered = Some(answered);
    }

    /// Something was killed: this gate, or an issuer that all of them may have followed.
    pub(super) fn cut(&self, gate: Option<usize>, from: Instant) {
        let to = None;
        self.cuts.lock().unwrap().push(Cut { gate, from, to });
    }

    /// It serves again, and gates follow an issuer again.
    pub(super) fn healed(&self, gate: Option<usize>, to: Instant) {
        let mut cuts = self.cuts.lock().unwrap();
        let open = cuts.iter_mut().rev().find(|cut| cut.gate == gate).unwrap();
        open.to = Some(to);
    }

    /// Whether there are so many checks of either kind that the history says something. A busy machine takes longer
    /// for them.
    pub(super) fn is_telling(&self) -> bool {
        let checks = self.checks.lock().unwrap();
        let are_many = |status| checks.iter().filter(|check| check.status == status).count() > MANY;
        are_many(200) && are_many(401)
    }

    /// Panics at the first check that should have been answered otherwise.
    pub(super) fn holds(&self) {
        let fates = self.fates.lock().unwrap();
        let cuts = self.cuts.lock().unwrap();
        let checks = self.checks.lock().unwrap();
        for check in checks.iter() {
            let fate = fates[check.token];
            match check.status {
                200 => {
                    let late = fate.answered.is_some_and(|answered| {
                        check.began > deadline(&cuts, check.gate, answered)
                    });
                    assert!(!late, "allowed too late: {check:?} {fate:?}");
                }
                401 => {
                    let ended = check.began + PROMISED;
                    let revoked = fate.began.is_some_and(|began| began <= ended);
                    assert!(revoked, "refused without a revocation: {check:?} {fate:?}");
                }
                _ => assert!(
                    cuts.iter().any(|cut| cut.gate == Some(check.gate)
                        && check.began + PROMISED >= cut.from
                        && cut.to.is_none_or(|to| check.began <= to + PROMISED)),
                    "answered otherwise although its gate was up: {check:?}"
                ),
            }
        }
    }
}

/// When a gate must have known, having been cut off or not.
fn deadline(cuts: &[Cut], gate: usize, answered: Instant) -> Instant {
    let mut deadline = answered + PROMISED;
    for cut in cuts {
        let concerns = cut.gate.is_none_or(|cut| cut == gate);
        let to = cut.to.unwrap_or(deadline);
        if concerns && cut.from <= deadline && to + PROMISED > deadline {
            deadline = to + PROMISED;
        }
    }
    deadline
}
