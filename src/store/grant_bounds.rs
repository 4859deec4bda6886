//! How many grants a user may have with one app, and how many used tokens a grant keeps: whoever begins
//! and extends grants as fast as it can must not fill the store.

use std::collections::BTreeMap;

use sqlx::Row;

use super::StoreError;
use super::connections::Transaction;
use super::locking::lock_listed_users;
use super::refresh_tokens::NewToken;

/// How many used tokens of a grant are kept, besides its first: who brings an older one is refused, but
/// no longer ends the grant.
const USED_TOKENS: i64 = 64;

/// How many rows are removed at once.
const BATCH: i64 = 1000;

/// Ends the oldest grants that the users of these tokens have with the same apps, down to `max_grants`
/// each with the new ones. It waits until there are twice as many: looking costs little, and ending is
/// done for many at once.
///
/// It comes before the tokens are added: what refers to users holds them, and they are locked first.
pub(super) async fn end_oldest(
    transaction: &mut Transaction,
    tokens: &[&NewToken],
    max_grants: u32,
) -> Result<(), StoreError> {
    let (max, most) = (i64::from(max_grants), 2 * i64::from(max_grants));
    let mut holders: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for token in tokens {
        *holders.entry((token.user(), token.app())).or_default() += 1;
    }
    let mut excessive = Vec::new();
    for (holder, added) in holders {
        let text = "SELECT COUNT(*) AS grants FROM (SELECT digest FROM refresh_tokens \
                    WHERE user_id = $1 AND app_key = $2 AND used_at = 0 LIMIT $3) AS found";
        let row = sqlx::query(text)
            .bind(holder.0.to_owned())
            .bind(holder.1.to_owned())
            .bind(most + 1)
            .fetch_one(&mut **transaction)
            .await?;
        let grants: i64 = row.try_get("grants")?;
        if grants + added > most {
            excessive.push((holder, added));
        }
    }
    if excessive.is_empty() {
        return Ok(());
    }
    // All, and not only those: the others are held as soon as their tokens are added.
    let users = tokens.iter().map(|token| token.user()).collect();
    lock_listed_users(transaction, users).await?;
    for ((user, app), added) in excessive {
        let text = "DELETE FROM refresh_tokens WHERE family IN (SELECT family FROM refresh_tokens \
                    WHERE user_id = $1 AND app_key = $2 AND used_at = 0 \
                    ORDER BY created_at DESC, digest LIMIT $3 OFFSET $4)";
        sqlx::query(text)
            .bind(user.to_owned())
            .bind(app.to_owned())
            .bind(BATCH)
            .bind((max - added).max(0))
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

/// Forgets the older used tokens of a grant that was extended just now. Its user is locked. Not every
/// time: one token in 64 is of those that have it done.
pub(super) async fn forget_used(
    transaction: &mut Transaction,
    extended_by: &NewToken,
) -> Result<(), StoreError> {
    // Digests are base64url, and as good as random.
    if !extended_by.digest.starts_with('A') {
        return Ok(());
    }
    let text = "DELETE FROM refresh_tokens WHERE digest IN (SELECT digest FROM refresh_tokens \
                WHERE family = $1 AND used_at > 0 AND digest <> (SELECT digest FROM refresh_tokens \
                WHERE family = $1 ORDER BY created_at, digest LIMIT 1) \
                ORDER BY created_at DESC, digest LIMIT $2 OFFSET $3)";
    sqlx::query(text)
        .bind(extended_by.family().to_owned())
        .bind(BATCH)
        .bind(USED_TOKENS)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
