//! Which keys there are: every issuer on a store, and whoever rotates by hand, brings the rows to
//! the same state, and of several that want the same step one takes it.

use super::{IssuerError, IssuerSettings, key_files, random};
use crate::clock::UnixSeconds;
use crate::identity::alphanumeric;
use crate::store::{
    AuditActor, AuditRecord, Change, Committed, Placed, Store, StoreError, StoredKey,
};
use crate::token::{
    Algorithm, CryptographyError, KeyLife, KeySchedule, KeyState, PUBLISHED_AHEAD_SECONDS,
    SigningKey, SigningKeyError, generate_key,
};

/// How often a step is tried when others on the same store are faster each time.
pub(super) const TRIES: usize = 8;

/// The first key's position; successors count on.
const FIRST: i64 = 1;

/// What the audit calls them.
const OBJECT_KIND: &str = "key";

/// Why the keys are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// An issuer starts: its configured algorithm may be another. Only now, so that issuers which
    /// are configured differently for a while do not replace each other's keys for ever.
    Start,
    Tick,
}

/// How soon a rotation by hand replaces the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationPace {
    /// The successor is published first; no token is lost.
    Announced,
    /// The successor signs at once, and every other key and its tokens are no longer trusted.
    AtOnce,
}

/// What a rotation by hand has led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotation {
    /// The `kid` of the successor.
    pub key_id: String,
    pub algorithm: Algorithm,
    /// When it begins to sign.
    pub active_from: UnixSeconds,
    /// Whether it was there already, waiting for its first use.
    pub already_published: bool,
}

/// Why keys cannot be rotated.
#[derive(Debug, thiserror::Error)]
pub enum KeyRotationError {
    #[error("`issuer.store`: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cryptography(#[from] CryptographyError),
    /// A key that was made just now cannot be read: a defect.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// Tokens of too many keys are about.
    #[error(
        "too many keys are published for verifiers to accept another: wait until some have \
         ended, or withdraw them all with `portcullis key rotate --now`"
    )]
    TooMany,
    /// The keys are not in the store.
    #[error(
        "the keys are those of `issuer.keys.files`: list the new one last, and once verifiers have \
         it, first"
    )]
    Files,
    /// Others changed the keys at each try.
    #[error("another process is rotating the keys of this store: try again")]
    Contended,
}

/// Has the next key ready where one is due, and reads what there is: at least one key.
pub(super) async fn agree(
    store: &Store,
    settings: &IssuerSettings,
    occasion: Occasion,
    now: UnixSeconds,
) -> Result<Vec<StoredKey>, IssuerError> {
    if !settings.keys.files.is_empty() {
        return from_files(settings).await;
    }
    let mut keys = store.signing_keys().await?;
    // Without a lock: the position of a key is unique in the table, so of several issuers that add the
    // next one a single insert succeeds, and the others read again.
    for _ in 0..TRIES {
        let schedule = schedule(&keys);
        let Some(life) = due(&schedule, settings, occasion, now) else {
            break;
        };
        let fresh = make(life, now).await?;
        let placed = store.add_signing_key(&fresh).await?;
        keys = store.signing_keys().await?;
        if placed == Placed::Yes {
            tracing::info!(
                key.id = fresh.id,
                key.algorithm = life.algorithm.name(),
                key.active_from = life.active_from.0,
                "a new signing key is published"
            );
            break;
        }
    }
    extend(store, settings, &mut keys, now).await?;
    Ok(keys)
}

pub(super) async fn from_files(settings: &IssuerSettings) -> Result<Vec<StoredKey>, IssuerError> {
    let paths = settings.keys.files.clone();
    let (algorithm, token_seconds) = (settings.algorithm, settings.access_token_seconds);
    let read =
        tokio::task::spawn_blocking(move || key_files::read(&paths, algorithm, token_seconds));
    let read = read.await.map_err(|_| CryptographyError)?;
    Ok(read?)
}

/// Publishes a successor because somebody at the machine wants it; the audit of the store keeps that in the same
/// transaction. `operator` is the user of the operating system.
pub async fn rotate_keys(
    store: &Store,
    settings: &IssuerSettings,
    pace: RotationPace,
    operator: &str,
    now: UnixSeconds,
) -> Result<KeyRotation, KeyRotationError> {
    rotate_with(store, settings, pace, operator, now, async |_| Ok(())).await
}

/// The same, and in one transaction with it `also`.
pub(super) async fn rotate_with(
    store: &Store,
    settings: &IssuerSettings,
    pace: RotationPace,
    operator: &str,
    now: UnixSeconds,
    also: impl AsyncFn(&mut Change) -> Result<(), StoreError>,
) -> Result<KeyRotation, KeyRotationError> {
    let by = RotatedBy {
        actor: AuditActor::Command(operator),
        logged_as: None,
    };
    for _ in 0..TRIES {
        let prepared = prepare(store, settings, pace, now).await?;
        let mut change = store.change(now).await?;
        also(&mut change).await?;
        if let Some(rotation) = prepared.keep(change, pace, &by).await? {
            return Ok(rotation);
        }
    }
    Err(KeyRotationError::Contended)
}

/// Who rotates keys.
pub(super) struct RotatedBy<'a> {
    pub(super) actor: AuditActor<'a>,
    /// What the log calls a user.
    pub(super) logged_as: Option<String>,
}

/// A rotation that is still to be written.
pub(super) struct PreparedRotation {
    rotation: KeyRotation,
    /// None where the successor waits already.
    fresh: Option<StoredKey>,
}

/// Makes the key of a rotation, before the change begins that locks the store for all writers.
pub(super) async fn prepare(
    store: &Store,
    settings: &IssuerSettings,
    pace: RotationPace,
    now: UnixSeconds,
) -> Result<PreparedRotation, KeyRotationError> {
    if !settings.keys.files.is_empty() {
        return Err(KeyRotationError::Files);
    }
    // The keys are read without a lock, since making an RSA key takes seconds. Whoever was faster has
    // taken the position, and it is decided anew what is left to do.
    let keys = store.signing_keys().await?;
    let schedule = schedule(&keys);
    if pace == RotationPace::Announced {
        if let Some(waiting) = waiting(&keys, &schedule, settings.algorithm, now) {
            return Ok(PreparedRotation {
                rotation: rotation(waiting, true)?,
                fresh: None,
            });
        }
        if schedule.is_full(now) {
            return Err(KeyRotationError::TooMany);
        }
    }
    let fresh = make(successor(&schedule, settings, pace, now), now).await?;
    Ok(PreparedRotation {
        rotation: rotation(&fresh, false)?,
        fresh: Some(fresh),
    })
}

impl PreparedRotation {
    /// Writes the new key, and that somebody wanted it: a rotation of which the audit does not know must not
    /// exist. None where another key has its place.
    pub(super) async fn keep(
        self,
        mut change: Change,
        pace: RotationPace,
        by: &RotatedBy<'_>,
    ) -> Result<Option<KeyRotation>, KeyRotationError> {
        let Some(fresh) = &self.fresh else {
            return Ok(Some(audited(self.rotation, pace, by)));
        };
        let placed = match pace {
            RotationPace::Announced => change.add_signing_key(fresh).await?,
            RotationPace::AtOnce => change.replace_signing_keys(fresh).await?,
        };
        if placed == Placed::PositionTaken {
            return Ok(None);
        }
        let (action, what) = told(&self.rotation, pace);
        let record = AuditRecord {
            actor: by.actor,
            action,
            object_kind: OBJECT_KIND,
            object_name: &self.rotation.key_id,
            change: what,
        };
        change.record(&record).await?;
        let committed = change.commit().await?;
        Ok((committed == Committed::Yes).then(|| audited(self.rotation, pace, by)))
    }
}

/// The action of a rotation by hand, and what it changes.
fn told(rotation: &KeyRotation, pace: RotationPace) -> (&'static str, &'static str) {
    match (rotation.already_published, pace) {
        (true, _) => ("unchanged", "it was published before"),
        (false, RotationPace::Announced) => ("added", "signs after the present key"),
        (false, RotationPace::AtOnce) => ("added", "signs at once; all other keys are withdrawn"),
    }
}

/// Writes a rotation by hand to the audit log.
fn audited(rotation: KeyRotation, pace: RotationPace, by: &RotatedBy<'_>) -> KeyRotation {
    let (action, change) = told(&rotation, pace);
    let operator = match by.actor {
        AuditActor::Command(name) if !name.is_empty() => Some(name),
        AuditActor::Command(_) | AuditActor::User(_) => None,
    };
    tracing::info!(
        target: "portcullis::audit",
        action,
        object.kind = OBJECT_KIND,
        object.name = rotation.key_id,
        key.algorithm = rotation.algorithm.name(),
        key.active_from = rotation.active_from.0,
        change,
        user.id = by.logged_as,
        operator.name = operator,
        "a signing key was rotated by hand"
    );
    rotation
}

/// Removes the keys that nobody needs any more; how many.
pub(super) async fn sweep(store: &Store, now: UnixSeconds) -> Result<u64, StoreError> {
    let keys = store.signing_keys().await?;
    let mut count = 0;
    for key in schedule(&keys).ended(now) {
        store.remove_signing_key(key.position).await?;
        count += 1;
    }
    Ok(count)
}

pub(super) fn schedule(keys: &[StoredKey]) -> KeySchedule {
    KeySchedule::new(keys.iter().map(|key| key.life))
}

/// The key that is to be made now, if any.
fn due(
    schedule: &KeySchedule,
    settings: &IssuerSettings,
    occasion: Occasion,
    now: UnixSeconds,
) -> Option<KeyLife> {
    let newest = schedule.newest();
    let first = newest.is_none();
    let changed = occasion == Occasion::Start
        && newest.is_some_and(|newest| newest.algorithm != settings.algorithm);
    let wanted = first || changed || schedule.rotation_is_due(settings.keys.rotate_seconds, now);
    if wanted && schedule.is_full(now) {
        // Time fixes it, and each tick would say the same.
        if occasion == Occasion::Start {
            tracing::warn!(
                "no signing key is added: there are still valid tokens of too many other keys"
            );
        }
        return None;
    }
    let mut life = wanted.then(|| successor(schedule, settings, RotationPace::Announced, now))?;
    if let (Some(newest), Occasion::Tick) = (newest, occasion) {
        // An issuer that has not been restarted with the new algorithm does not bring the old back.
        life.algorithm = newest.algorithm;
    }
    Some(life)
}

fn successor(
    schedule: &KeySchedule,
    settings: &IssuerSettings,
    pace: RotationPace,
    now: UnixSeconds,
) -> KeyLife {
    let (position, active_from) = match schedule.newest() {
        // Nobody has been told of other keys.
        None => (FIRST, now),
        Some(newest) => {
            let active_from = match pace {
                RotationPace::Announced => now.plus(PUBLISHED_AHEAD_SECONDS),
                RotationPace::AtOnce => now,
            };
            (newest.position.saturating_add(1), active_from)
        }
    };
    KeyLife {
        position,
        algorithm: settings.algorithm,
        active_from,
        token_seconds: i64::from(settings.access_token_seconds),
    }
}

/// The last key, where it is what a rotation would make and has not signed yet.
fn waiting<'k>(
    keys: &'k [StoredKey],
    schedule: &KeySchedule,
    algorithm: Algorithm,
    now: UnixSeconds,
) -> Option<&'k StoredKey> {
    let last = keys.last()?;
    let waits = schedule.state(&last.life, now) == KeyState::Next;
    (waits && last.life.algorithm == algorithm).then_some(last)
}

/// Notes how long the tokens live that this issuer signs, before it signs any.
async fn extend(
    store: &Store,
    settings: &IssuerSettings,
    keys: &mut [StoredKey],
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let token_seconds = i64::from(settings.access_token_seconds);
    let schedule = schedule(keys);
    for key in keys {
        let signs = matches!(
            schedule.state(&key.life, now),
            KeyState::Next | KeyState::Active
        );
        if signs && key.life.token_seconds < token_seconds {
            let position = key.life.position;
            store.extend_signing_key(position, token_seconds).await?;
            key.life.token_seconds = token_seconds;
        }
    }
    Ok(())
}

/// Makes a key, on a thread that may take its time: RSA keys need a large part of a second.
async fn make(life: KeyLife, now: UnixSeconds) -> Result<StoredKey, KeyRotationError> {
    let made = tokio::task::spawn_blocking(move || {
        let text = generate_key(life.algorithm)?;
        let key = SigningKey::read(text.reveal().as_bytes(), life.algorithm)?;
        let id = match key.id() {
            Some(thumbprint) => thumbprint.to_owned(),
            // Of a secret nothing is told that is made from it.
            None => alphanumeric(&random::<16>()?),
        };
        Ok(StoredKey {
            life,
            id,
            private_key: text.reveal().to_owned(),
            created_at: now,
        })
    });
    made.await.unwrap_or(Err(CryptographyError.into()))
}

fn rotation(key: &StoredKey, already_published: bool) -> Result<KeyRotation, SigningKeyError> {
    Ok(KeyRotation {
        key_id: read(key)?.id().unwrap_or_default().to_owned(),
        algorithm: key.life.algorithm,
        active_from: key.life.active_from,
        already_published,
    })
}

/// The key of a row.
pub(super) fn read(stored: &StoredKey) -> Result<SigningKey, SigningKeyError> {
    let key = SigningKey::read(stored.private_key.as_bytes(), stored.life.algorithm)?;
    Ok(match &*stored.id {
        "" => key,
        id => key.with_id(id),
    })
}

#[cfg(test)]
mod tests;
