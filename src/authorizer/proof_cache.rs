//! The proof cache: from the digest of a token to its verified claims, bounded in entries and bytes.
//!
//! Only tokens that held are kept, so bad ones cannot push good ones out. The key is BLAKE3 of the
//! token under a key drawn when the process starts: a copy of the memory holds no token that
//! could be replayed, and nobody outside can search for two tokens with one digest.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::notification::RemovalCause;
use moka::sync::Cache;

use crate::clock::UnixSeconds;
use crate::token::{Revocable, UnverifiedToken, VerifiedToken};

/// What an entry costs beside the claims: the cache's own lists and timers, the nodes of the map of
/// claims, and the allocator's share. Measured with 27,000 tokens of 550 bytes (`make bench`,
/// memory): 2,260 bytes each, of which the claims count 980.
const ENTRY_OVERHEAD_BYTES: usize = 1280;

/// The bounds of the proof cache; whichever is reached first holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// The most tokens kept.
    pub max_entries: u64,
    /// The most memory used, in bytes, by estimate.
    pub max_bytes: u64,
}

/// Counts since the start, and the present size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStatistics {
    /// Checks that found a proof.
    pub hits: u64,
    /// Checks that found none.
    pub misses: u64,
    /// Proofs evicted to make room.
    pub evictions: u64,
    /// Proofs in the cache.
    pub entries: u64,
}

/// The digest of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl std::hash::Hash for TokenDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// Takes the first eight bytes of a [`TokenDigest`], which are uniform already.
#[derive(Debug, Default, Clone, Copy)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // No further hashing: the digest has a secret key, so nobody can search for tokens that fall
        // into one bucket.
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
}

/// A token that held, and what may take it back.
#[derive(Debug, Clone)]
pub struct Proof {
    pub token: Arc<VerifiedToken>,
    /// Looked at on each check.
    pub revocable: Revocable,
}

impl Proof {
    /// Computes what the checks of this token will ask.
    pub fn of(token: VerifiedToken) -> Self {
        Self {
            revocable: Revocable::of(&token),
            token: Arc::new(token),
        }
    }
}

#[derive(Debug, Clone)]
struct Kept {
    proof: Proof,
    lives_for: Duration,
}

/// Ends an entry when its token ends.
struct TokenExpiry;

impl Expiry<TokenDigest, Kept> for TokenExpiry {
    fn expire_after_create(&self, _: &TokenDigest, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.lives_for)
    }
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
}

pub struct ProofCache {
    digest_key: [u8; 32],
    proofs: Cache<TokenDigest, Kept, BuildHasherDefault<DigestHasher>>,
    counters: Arc<Counters>,
}

impl ProofCache {
    pub fn new(limits: CacheLimits) -> Self {
        let counters = Arc::new(Counters::default());
        let listener = Arc::clone(&counters);
        // One bound serves both limits: no entry weighs less than its share of the bytes.
        let least_weight = limits.max_bytes.div_ceil(limits.max_entries.max(1));
        let proofs = Cache::builder()
            .max_capacity(limits.max_bytes)
            .weigher(move |_, kept: &Kept| {
                let proof = &kept.proof;
                let bytes =
                    proof.token.heap_bytes() + proof.revocable.heap_bytes() + ENTRY_OVERHEAD_BYTES;
                let weight = u64::try_from(bytes).unwrap_or(u64::MAX).max(least_weight);
                u32::try_from(weight).unwrap_or(u32::MAX)
            })
            .expire_after(TokenExpiry)
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    listener.evictions.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build_with_hasher(BuildHasherDefault::default());
        Self {
            digest_key: random_key(),
            proofs,
            counters,
        }
    }

    /// The digest under which `token` is kept.
    pub fn key(&self, token: UnverifiedToken<'_>) -> TokenDigest {
        let digest = blake3::keyed_hash(&self.digest_key, token.text().as_bytes());
        TokenDigest(*digest.as_bytes())
    }

    /// The proof of an earlier verification, counted as a hit. The caller checks that it still
    /// holds.
    pub fn get(&self, key: &TokenDigest) -> Option<Proof> {
        let kept = self.proofs.get(key)?;
        self.counters.hits.fetch_add(1, Ordering::Relaxed);
        Some(kept.proof)
    }

    /// Counts a check that found no proof: once, however often it looks for one.
    pub fn count_miss(&self) {
        self.counters.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps a proof until its token expires, or until others need the room.
    pub fn insert(&self, key: TokenDigest, proof: Proof, now: UnixSeconds) {
        // The leeway is not added: in the seconds after `exp` a token is verified each time.
        let seconds = u64::try_from(proof.token.expires_at().since(now)).unwrap_or(0);
        if seconds == 0 {
            return;
        }
        let lives_for = Duration::from_secs(seconds.min(MAX_SECONDS));
        self.proofs.insert(key, Kept { proof, lives_for });
    }

    /// Drops a proof that no longer holds.
    pub fn remove(&self, key: &TokenDigest) {
        self.proofs.invalidate(key);
    }

    /// Counts and size; settles pending bookkeeping first.
    pub fn statistics(&self) -> CacheStatistics {
        self.proofs.run_pending_tasks();
        CacheStatistics {
            hits: self.counters.hits.load(Ordering::Relaxed),
            misses: self.counters.misses.load(Ordering::Relaxed),
            evictions: self.counters.evictions.load(Ordering::Relaxed),
            entries: self.proofs.entry_count(),
        }
    }
}

/// The cache refuses lives beyond a thousand years; ten are as good as for ever.
const MAX_SECONDS: u64 = 10 * 365 * 24 * 3600;

/// A key from the operating system's generator. Should that fail, which it does not on any
/// platform that Portcullis runs on, a fixed key still gives a sound digest, only a guessable one.
fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    if aws_lc_rs::rand::fill(&mut key).is_err() {
        tracing::error!(
            "the operating system provides no random numbers: token digests are predictable"
        );
    }
    key
}
