//! How many grants a user may have with one app, and how many used tokens a grant keeps: whoever begins
//! and extends grants as fast as it can must not fill the store.

use std::collections::BTreeSet;

use super::StoreError;
use super::connections::Transaction;
use super::locking::lock_listed_users;
use super::refresh_tokens::NewToken;

/// How many used tokens of a grant are kept, besides its first: who brings an older one is refused, but
/// no longer ends the grant.
const USED_TOKENS: i64 = 64;

/// A user has no more grants than these apps could have, whatever has become of them: an app that is deleted leaves
/// its grants until they end, and another one can be made.
const APPS: i64 = 32;

/// How many rows are removed at once.
const BATCH: i64 = 1000;

/// How many grants are ended at once of whoever has too many in all: more than come before it is looked again.
const BATCH_OF_ALL: i64 = 10_000;

/// Ends the oldest grants that the users of these tokens have with the same apps, down to `max_grants`
/// each. One token in 64 is of those that have it done: looking each time would cost as much as the
/// tokens, and some dozens of grants more are no harm.
pub(super) async fn end_oldest(
    transaction: &mut Transaction,
    tokens: &[&NewToken],
    max_grants: u32,
) -> Result<(), StoreError> {
    let sampled = tokens.iter().filter(|token| is_sampled(token));
    let holders: BTreeSet<(&str, &str)> =
        sampled.map(|token| (token.user(), token.app())).collect();
    let users = holders.iter().map(|(user, _)| *user).collect();
    // Users before their tokens, as everywhere (see `locking`).
    lock_listed_users(transaction, users).await?;
    for (user, app) in holders {
        // Each live grant has exactly one unused token, so that these count grants. The digest decides
        // between those of one second, or two runs could pick different ones.
        let text = "DELETE FROM refresh_tokens WHERE family IN (SELECT family FROM refresh_tokens \
                    WHERE user_id = $1 AND app_key = $2 AND used_at = 0 \
                    ORDER BY created_at DESC, digest LIMIT $3 OFFSET $4)";
        sqlx::query(text)
            .bind(user.to_owned())
            .bind(app.to_owned())
            .bind(BATCH)
            .bind(i64::from(max_grants))
            .execute(&mut **transaction)
            .await?;
    }
    let all = tokens.iter().filter(|token| is_sampled_rarely(token));
    let users: BTreeSet<&str> = all.map(|token| token.user()).collect();
    for user in users {
        let text = "DELETE FROM refresh_tokens WHERE family IN (SELECT family FROM refresh_tokens \
                    WHERE user_id = $1 AND used_at = 0 \
                    ORDER BY created_at DESC, digest LIMIT $2 OFFSET $3)";
        sqlx::query(text)
            .bind(user.to_owned())
            .bind(BATCH_OF_ALL)
            .bind(i64::from(max_grants).saturating_mul(APPS))
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

/// One token in 4096, which is one of those in 64: all of a user's grants are sorted for it.
fn is_sampled_rarely(token: &NewToken) -> bool {
    token.digest.starts_with("AA")
}

/// One token in 64. Digests are base64url, and as good as random.
fn is_sampled(token: &NewToken) -> bool {
    token.digest.starts_with('A')
}

/// Forgets the older used tokens of a grant that was extended just now. Its user is locked. Not every
/// time: one token in 64 is of those that have it done.
pub(super) async fn forget_used(
    transaction: &mut Transaction,
    extended_by: &NewToken,
) -> Result<(), StoreError> {
    if !is_sampled(extended_by) {
        return Ok(());
    }
    // Used tokens are kept because one that comes again ends its grant. The first of a grant stays: it
    // says since when the grant exists.
    let text = "DELETE FROM refresh_tokens WHERE digest IN (SELECT digest FROM refresh_tokens \
                WHERE family = $1 AND used_at > 0 AND digest <> (SELECT digest FROM refresh_tokens \
                WHERE family = $1 ORDER BY created_at, digest LIMIT 1) \
                ORDER BY created_at DESC, digest LIMIT $2 OFFSET $3)";
    sqlx::query(text)
        .bind(extended_by.grant().as_str().to_owned())
        .bind(BATCH)
        .bind(USED_TOKENS)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
