//! What one connection waits for, since when, and until when it may.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connection_limits::ConnectionLimits;

/// When the process ends, the rest of a head that has begun to arrive is waited for this long.
const LAST_HEAD_PATIENCE: Duration = Duration::from_secs(1);

/// What a connection waits for. Only in `New` and `Answering` it waits for this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Accepted, and what has arrived has not been looked at: a request may be there already.
    New,
    /// The next request.
    Idle,
    /// The rest of a request's head.
    Head,
    /// The answer.
    Answering,
    /// The rest of a request's body.
    Body,
}

/// The state of a connection, as the table of slots sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionState {
    /// Accepted, and not read from yet.
    New,
    /// A request is being answered.
    Answering {
        /// When the connection was accepted.
        accepted: Instant,
    },
    /// The same, and the answer is the last one.
    Closing,
    /// It waits for its client.
    Waiting { since: Instant },
    /// It has been asked to close.
    Leaving,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    /// When the connection began to wait for its client; a request waits from its first byte on.
    since: Instant,
    /// Since when the client has not read what was sent. In any stage the connection then waits for
    /// its client: hyper does nothing else before that.
    blocked: Option<Instant>,
    /// Whether there has been a request.
    used: bool,
    /// Whether it has to make room for another connection.
    evicted: bool,
    /// Whether the next answer is the last one.
    closing: bool,
    /// Since when the process has been ending.
    stopping: Option<Instant>,
}

/// Of one connection; shared by its transport, its requests and the table of slots.
#[derive(Debug)]
pub(super) struct Activity {
    limits: ConnectionLimits,
    accepted: Instant,
    state: Mutex<State>,
    task: AtomicWaker,
    /// Notified when a connection starts or stops waiting for its client.
    changed: Arc<Notify>,
}

impl Activity {
    pub(super) fn new(limits: ConnectionLimits, changed: Arc<Notify>) -> Self {
        let accepted = Instant::now();
        Self {
            limits,
            accepted,
            state: Mutex::new(State {
                stage: Stage::New,
                since: accepted,
                blocked: None,
                used: false,
                evicted: false,
                closing: false,
                stopping: None,
            }),
            task: AtomicWaker::new(),
            changed,
        }
    }

    /// The task of the connection is woken when it is evicted, and when the process ends.
    pub(super) fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    pub(super) fn received(&self) {
        let mut state = self.lock();
        if matches!(state.stage, Stage::New | Stage::Idle) {
            state.stage = Stage::Head;
            state.since = Instant::now();
        }
    }

    /// There is nothing to read.
    pub(super) fn starved(&self) {
        let mut state = self.lock();
        if state.stage == Stage::New {
            state.stage = Stage::Idle;
        }
        if matches!(state.stage, Stage::Idle | Stage::Head) {
            self.changed.notify_one();
        }
    }

    /// The head of a request is complete. Whether it had arrived together with the one before.
    pub(super) fn began(&self) -> bool {
        let mut state = self.lock();
        let pipelined = state.stage != Stage::Head;
        if pipelined {
            state.since = Instant::now();
        }
        state.stage = Stage::Answering;
        state.used = true;
        self.changed.notify_one();
        pipelined
    }

    /// The answer waits for the rest of the body.
    pub(super) fn awaits_body(&self) {
        let mut state = self.lock();
        if state.stage == Stage::Answering {
            state.stage = Stage::Body;
            self.changed.notify_one();
        }
    }

    /// The answer does not wait for the body any more.
    pub(super) fn has_body(&self) {
        let mut state = self.lock();
        if state.stage == Stage::Body {
            state.stage = Stage::Answering;
        }
    }

    /// The answer is made. It is sent in the same turn, unless the client takes its time. Whether it
    /// is the last one of the connection.
    pub(super) fn answered(&self) -> bool {
        let mut state = self.lock();
        state.stage = Stage::Idle;
        state.since = Instant::now();
        self.changed.notify_one();
        state.closing || state.stopping.is_some() || self.accepted.elapsed() >= self.limits.lifetime
    }

    /// The client does not read what was sent.
    pub(super) fn stalled(&self) {
        self.lock().blocked.get_or_insert_with(Instant::now);
        self.changed.notify_one();
    }

    /// The client has read something.
    pub(super) fn sent(&self) {
        let mut state = self.lock();
        if state.blocked.take().is_some() && state.stage == Stage::Idle {
            state.since = Instant::now();
        }
    }

    /// Until when the connection may wait as it does; none while it waits for this process.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let state = self.lock();
        let limits = &self.limits;
        // First, whatever the stage: a client that reads nothing holds answer and place, and hyper asks
        // about nothing else meanwhile.
        if let Some(since) = state.blocked {
            return Some(since + limits.body_timeout);
        }
        match state.stage {
            // A body has its own deadline, so that the request is answered.
            Stage::New | Stage::Answering | Stage::Body => None,
            // From the accept on, and as short as for a head: whoever only connects must not hold a
            // place for the longer idle time.
            Stage::Idle if !state.used => Some(self.accepted + limits.header_timeout),
            Stage::Idle => Some(state.since + limits.idle_timeout),
            Stage::Head => {
                let deadline = state.since + limits.header_timeout;
                let last = state.stopping.map(|since| since + LAST_HEAD_PATIENCE);
                Some(last.map_or(deadline, |last| last.min(deadline)))
            }
        }
    }

    /// The longest that a body may take.
    pub(super) fn body_timeout(&self) -> Duration {
        self.limits.body_timeout
    }

    /// The state of the connection.
    pub(super) fn standing(&self) -> ConnectionState {
        let state = self.lock();
        if state.evicted {
            return ConnectionState::Leaving;
        }
        if let Some(since) = state.blocked {
            return ConnectionState::Waiting { since };
        }
        match state.stage {
            Stage::New => ConnectionState::New,
            Stage::Answering if state.closing => ConnectionState::Closing,
            Stage::Answering => ConnectionState::Answering {
                accepted: self.accepted,
            },
            Stage::Idle | Stage::Head | Stage::Body => {
                ConnectionState::Waiting { since: state.since }
            }
        }
    }

    /// Asks the connection to close.
    pub(super) fn evict(&self) {
        self.lock().evicted = true;
        self.task.wake();
    }

    /// The answer that is being made is the last one.
    pub(super) fn close(&self) {
        self.lock().closing = true;
    }

    /// Whether the connection has to close now. If a request came first, that is still answered, as the
    /// last one.
    pub(super) fn must_go(&self) -> bool {
        let mut state = self.lock();
        if !state.evicted {
            return false;
        }
        if state.waits_for_client() {
            return true;
        }
        // A request was faster than the eviction: it is answered, since its client may not be able to
        // repeat it, and the connection goes afterwards.
        state.evicted = false;
        state.closing = true;
        self.changed.notify_one();
        false
    }

    /// The process ends: what is under way is answered, and nothing else.
    pub(super) fn stop(&self) {
        self.lock().stopping.get_or_insert_with(Instant::now);
        self.task.wake();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stopping.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn waits_for_client(&self) -> bool {
        match self.stage {
            Stage::New | Stage::Answering => self.blocked.is_some(),
            Stage::Idle | Stage::Head | Stage::Body => true,
        }
    }
}
