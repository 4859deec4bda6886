//! When a check is answered at the latest, and the queue where checks wait for a signature.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::authorizer::Effort;

/// The most checks of one thread that wait for their token's signature to be verified. An ES256
/// signature takes some 0.1 ms, so that the last of them waits about as long as Envoy does.
const MAX_WAITING: usize = 1024;

/// What a check may wait for, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'q> {
    /// When it has waited half of the time that the proxy gives it. Later it is refused, so that
    /// the refusal arrives before the proxy's own timeout, which the proxy takes for an error.
    pub deadline: Instant,
    /// The longest wait for an issuer that may have new keys.
    pub key_wait: Duration,
    /// Where it waits to have a signature verified.
    pub verifications: &'q Verifications,
}

/// The check was not answered in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLate;

impl Turn<'_> {
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
    waiting: AtomicUsize,
}

impl Default for Verifications {
    fn default() -> Self {
        Self {
            running: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
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

    /// Waits until a signature may be verified, which has to happen before the permit is dropped.
    pub(super) async fn begin(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, TooLate> {
        let permit = match self.running.try_acquire() {
            Ok(permit) => permit,
            Err(_) => self.wait(deadline).await?,
        };
        // Lets the thread read its sockets and answer what is cheap. Without it the checks of one
        // read would have their signatures verified back to back.
        tokio::task::yield_now().await;
        if Instant::now() < deadline {
            Ok(permit)
        } else {
            Err(TooLate)
        }
    }

    async fn wait(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, TooLate> {
        let _place = Place::take(&self.waiting)?;
        let permit = tokio::time::timeout_at(deadline.into(), self.running.acquire()).await;
        // The semaphore is never closed.
        permit.map_err(|_| TooLate)?.map_err(|_| TooLate)
    }
}

/// A place among the waiting, given back when dropped.
struct Place<'q>(&'q AtomicUsize);

impl<'q> Place<'q> {
    fn take(waiting: &'q AtomicUsize) -> Result<Self, TooLate> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        if before < MAX_WAITING {
            Ok(place)
        } else {
            Err(TooLate)
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
        let first = verifications.begin(soon()).await.unwrap();
        assert_eq!(verifications.effort_before(), Effort::Text);
        let late = verifications.begin(Instant::now()).await;
        assert!(late.is_err());
        drop(first);
        assert!(verifications.begin(soon()).await.is_ok());
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_places_come_back() {
        let verifications = Verifications::default();
        let first = verifications.begin(soon()).await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| Box::pin(verifications.begin(soon())))
            .collect();
        for waiter in &mut waiting {
            assert!(waiter.as_mut().now_or_never().is_none());
        }
        assert!(verifications.begin(soon()).await.is_err());
        drop(waiting);
        drop(first);
        assert!(verifications.begin(soon()).await.is_ok());
    }
}
