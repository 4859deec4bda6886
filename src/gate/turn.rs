//! When a check is answered at the latest, and the queue where checks wait for a signature.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::authorizer::Effort;
use crate::token::MissingKey;

/// The most checks of one thread that wait for their token's signature to be verified. An ES256
/// signature takes some 0.1 ms, so that the last of them waits about as long as Envoy does.
const MAX_WAITING: usize = 1024;

/// The most checks of one thread that wait for keys. Each waits for a short time only, and all of an issuer's wait
/// for one answer; but each holds its future beside its message, of which [`MAX_WAITING_BYTES`] knows nothing.
const MAX_WAITING_FOR_KEYS: usize = 16 * MAX_WAITING;

/// No further check joins those of one thread that wait for a signature, or for keys, once their
/// messages have this size together, in bytes. The last one to join may exceed it.
const MAX_WAITING_BYTES: usize = 32 << 20;

/// Asks an issuer for keys that it may have made since it was asked last.
pub trait KeyRefresh: Send + Sync {
    /// Whether asking can change anything: not where the issuer has just answered about this key, nor
    /// where its keys are not fetched. Cheap, so that a flood of forged tokens costs no more than their
    /// verification.
    fn can_ask(&self, missing: &MissingKey) -> bool;

    /// Completes when the issuer has answered, or after `wait`.
    fn ask(
        &self,
        missing: MissingKey,
        wait: Duration,
    ) -> Pin<Box<dyn Future<Output = KeyNews> + Send + '_>>;
}

/// What came of asking an issuer for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyNews {
    /// The issuer has answered: the keys that there are now are those that it has.
    Answered,
    /// It has not, and is asked again within this time. Until then it is unknown whether the key exists.
    Due(Duration),
}

/// How long the checks of a listener may take.
#[derive(Debug, Clone, Copy)]
pub struct WaitLimits {
    /// The longest wait for an issuer that may have new keys.
    pub key_wait: Duration,
    /// The longest that a check may take where the proxy names no shorter timeout.
    pub longest: Duration,
}

/// What a check may wait for, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'q> {
    /// When it arrived, as far as the gate can tell. Its latency is measured from here.
    pub(super) arrived: Instant,
    /// Half of the time that the proxy gives it has passed then. Later it is refused, so that
    /// the refusal arrives before the proxy's own timeout, which the proxy takes for an error.
    pub(super) deadline: Instant,
    /// The longest wait for an issuer that may have new keys.
    pub(super) key_wait: Duration,
    /// Where it waits for a signature to be verified, or for keys.
    pub(super) verifications: &'q Verifications,
}

/// The check was not answered in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLate;

impl<'q> Turn<'q> {
    /// The turn of a check that arrived at this time. `timeout` is what the proxy gives it, where
    /// the protocol says so.
    ///
    /// The check gets half of it, so that the answer, even if it is a refusal, arrives before the
    /// proxy gives up. That would be an error, which `failure_mode_allow` lets through.
    pub fn within(
        timeout: Option<Duration>,
        arrived: Instant,
        limits: &WaitLimits,
        verifications: &'q Verifications,
    ) -> Self {
        let half = timeout.map(|timeout| timeout / 2);
        let patience = half.map_or(limits.longest, |half| limits.longest.min(half));
        Self {
            arrived,
            deadline: arrived + patience,
            key_wait: limits.key_wait,
            verifications,
        }
    }

    /// When the check is refused if it has no answer yet; the reading of its message counts too.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How long the check may still wait.
    pub(super) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// The signatures of one thread, which it verifies one at a time and after everything else: checks
/// that need none overtake those that do.
#[derive(Debug)]
pub struct Verifications {
    running: Semaphore,
    /// The checks that wait for their signature.
    signatures: Queue,
    /// The checks that wait for an issuer's keys.
    keys: Queue,
}

impl Default for Verifications {
    fn default() -> Self {
        Self {
            running: Semaphore::new(1),
            signatures: Queue::new(MAX_WAITING),
            keys: Queue::new(MAX_WAITING_FOR_KEYS),
        }
    }
}

impl Verifications {
    /// How much to find out about a token before it joins the queue: where others wait, all that
    /// can be had without its signature.
    pub(super) fn effort_before(&self) -> Effort {
        if self.running.available_permits() == 0 {
            Effort::Text
        } else {
            Effort::Cache
        }
    }

    /// Waits until a signature may be verified, which has to happen before the answer is dropped.
    /// The check holds a message of `bytes` meanwhile.
    pub(super) async fn begin(
        &self,
        deadline: Instant,
        bytes: usize,
    ) -> Result<SemaphorePermit<'_>, TooLate> {
        let running = match self.running.try_acquire() {
            Ok(running) => running,
            Err(_) => self.wait(deadline, bytes).await?,
        };
        // Lets the thread read its sockets and answer what is cheap. Without it the checks of one
        // read would have their signatures verified back to back.
        tokio::task::yield_now().await;
        if Instant::now() < deadline {
            Ok(running)
        } else {
            Err(TooLate)
        }
    }

    /// A turn to verify a signature that no answer depends on: only while nobody else has or waits for one.
    pub(super) async fn begin_if_idle(&self) -> Option<SemaphorePermit<'_>> {
        let running = self.running.try_acquire().ok()?;
        tokio::task::yield_now().await;
        Some(running)
    }

    /// A place for a check that waits for keys with a message of `bytes`.
    pub(super) fn wait_for_keys(&self, bytes: usize) -> Result<QueueSlot<'_>, TooLate> {
        self.keys.join(bytes)
    }

    async fn wait(&self, deadline: Instant, bytes: usize) -> Result<SemaphorePermit<'_>, TooLate> {
        let _place = self.signatures.join(bytes)?;
        let running = tokio::time::timeout_at(deadline.into(), self.running.acquire()).await;
        // The semaphore is never closed.
        running.map_err(|_| TooLate)?.map_err(|_| TooLate)
    }
}

/// How many checks wait, and how large their messages are together.
#[derive(Debug)]
struct Queue {
    max_checks: usize,
    checks: AtomicUsize,
    bytes: AtomicUsize,
}

impl Queue {
    fn new(max_checks: usize) -> Self {
        Self {
            max_checks,
            checks: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    fn join(&self, bytes: usize) -> Result<QueueSlot<'_>, TooLate> {
        // Added first and looked at afterwards: two checks that join at once cannot both take the last
        // place. Whoever finds none gives its own back when `place` is dropped.
        let checks_before = self.checks.fetch_add(1, Ordering::Relaxed);
        let bytes_before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let place = QueueSlot { queue: self, bytes };
        if checks_before < self.max_checks && bytes_before < MAX_WAITING_BYTES {
            Ok(place)
        } else {
            Err(TooLate)
        }
    }
}

/// A place in a queue, given back when dropped.
#[derive(Debug)]
pub(super) struct QueueSlot<'q> {
    queue: &'q Queue,
    bytes: usize,
}

impl Drop for QueueSlot<'_> {
    fn drop(&mut self) {
        self.queue.checks.fetch_sub(1, Ordering::Relaxed);
        self.queue.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[tokio::test]
    async fn signatures_are_verified_one_at_a_time() {
        let verifications = Verifications::default();
        assert_eq!(verifications.effort_before(), Effort::Cache);
        let first = verifications.begin(soon(), 1).await.unwrap();
        assert_eq!(verifications.effort_before(), Effort::Text);
        let late = verifications.begin(Instant::now(), 1).await;
        assert!(late.is_err());
        drop(first);
        assert!(verifications.begin(soon(), 1).await.is_ok());
    }

    #[tokio::test]
    async fn what_no_answer_depends_on_takes_no_place_in_the_queue() {
        let verifications = Verifications::default();
        let idle = verifications.begin_if_idle().await;
        assert!(idle.is_some());
        assert!(verifications.begin_if_idle().await.is_none());
        let mut next = Box::pin(verifications.begin(soon(), 1));
        assert!(next.as_mut().now_or_never().is_none());
        drop(idle);
        // The turn is that of the check that waits.
        assert!(verifications.begin_if_idle().await.is_none());
        assert!(next.await.is_ok());
        assert!(verifications.begin_if_idle().await.is_some());
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_places_come_back() {
        let verifications = Verifications::default();
        let first = verifications.begin(soon(), 1).await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| Box::pin(verifications.begin(soon(), 1)))
            .collect();
        for waiter in &mut waiting {
            assert!(waiter.as_mut().now_or_never().is_none());
        }
        assert!(verifications.begin(soon(), 1).await.is_err());
        drop(waiting);
        drop(first);
        assert!(verifications.begin(soon(), 1).await.is_ok());
    }

    #[tokio::test]
    async fn so_many_wait_for_keys_whatever_their_size() {
        let verifications = Verifications::default();
        let waiting: Vec<_> = (0..MAX_WAITING_FOR_KEYS)
            .map(|_| verifications.wait_for_keys(0).unwrap())
            .collect();
        assert!(verifications.wait_for_keys(0).is_err());
        drop(waiting);
        assert!(verifications.wait_for_keys(0).is_ok());
    }

    #[tokio::test]
    async fn the_messages_of_the_waiting_are_bounded_together() {
        const MESSAGE: usize = 4 << 20;
        let verifications = Verifications::default();
        let first = verifications.begin(soon(), MESSAGE).await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_WAITING_BYTES / MESSAGE)
            .map(|_| Box::pin(verifications.begin(soon(), MESSAGE)))
            .collect();
        for waiter in &mut waiting {
            assert!(waiter.as_mut().now_or_never().is_none());
        }
        assert!(verifications.begin(soon(), 1).await.is_err());
        let for_keys: Vec<_> = (0..MAX_WAITING_BYTES / MESSAGE)
            .map(|_| verifications.wait_for_keys(MESSAGE).unwrap())
            .collect();
        assert!(verifications.wait_for_keys(1).is_err());
        drop((waiting, for_keys));
        assert!(verifications.wait_for_keys(1).is_ok());
        drop(first);
        assert!(verifications.begin(soon(), 1).await.is_ok());
    }
}
