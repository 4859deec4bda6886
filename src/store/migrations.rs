//! The schema, version by version. A version that was released is never edited.

use sqlx::{Executor, Row};

use super::connections::{Held, Transaction};
use super::location::Engine;
use super::{Store, StoreError};
use crate::identity::AppName;

const MIGRATIONS: [&str; 27] = [
    include_str!("migrations/0001_issuer.sql"),
    include_str!("migrations/0002_revocations.sql"),
    include_str!("migrations/0003_authorization_code.sql"),
    include_str!("migrations/0004_signing_keys.sql"),
    include_str!("migrations/0005_directory.sql"),
    include_str!("migrations/0006_refresh_audiences.sql"),
    include_str!("migrations/0007_first_start.sql"),
    include_str!("migrations/0008_wide_revocations.sql"),
    include_str!("migrations/0009_charged_revocations.sql"),
    include_str!("migrations/0010_apps_of_owners.sql"),
    include_str!("migrations/0011_code_targets.sql"),
    include_str!("migrations/0012_login_places.sql"),
    include_str!("migrations/0013_live_grants.sql"),
    include_str!("migrations/0014_audit.sql"),
    include_str!("migrations/0015_folded_app_names.sql"),
    include_str!("migrations/0016_app_uses.sql"),
    include_str!("migrations/0017_grants_by_app.sql"),
    include_str!("migrations/0018_passkeys.sql"),
    include_str!("migrations/0019_disabled_by_owner.sql"),
    include_str!("migrations/0020_tried_until.sql"),
    include_str!("migrations/0021_own_deeds.sql"),
    include_str!("migrations/0022_lineages_and_sign_ins.sql"),
    include_str!("migrations/0023_app_descriptions.sql"),
    include_str!("migrations/0024_audit_names.sql"),
    include_str!("migrations/0025_password_setters.sql"),
    include_str!("migrations/0026_audit_by_name.sql"),
    include_str!("migrations/0027_made.sql"),
];

/// The version after which names are folded here, because SQL cannot do it on each database.
const FOLDED_APP_NAMES: i64 = 15;

const VERSION_TABLE: &str = "schema_version";

/// Names the lock under which PostgreSQL migrates: "portcull" in ASCII.
const POSTGRES_LOCK: i64 = 0x706f_7274_6375_6c6c;

/// From which schema to which a store was brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// What it had; 0 where it was empty.
    pub from: i64,
    /// What it has: the schema of this binary.
    pub to: i64,
}

/// The schema of this binary.
fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Refuses a store that does not have the schema of this binary.
pub(super) async fn check(store: &Store) -> Result<(), StoreError> {
    let known = known();
    let mut connection = store.reader.acquire().await?;
    let tables = tables(&mut connection, store.engine).await?;
    // Looked for among the tables, because a query of one that is missing is an error like any other.
    let found = if tables.iter().any(|name| name == VERSION_TABLE) {
        version(&mut connection).await?
    } else {
        0
    };
    if found == 0 {
        refuse_foreign(store, tables)?;
    }
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    if found == 0 {
        let server = store.reader.server().clone();
        return Err(StoreError::NoStore { server });
    }
    if found < known {
        return Err(StoreError::OlderSchema { found, known });
    }
    Ok(())
}

/// Runs the versions that the store does not have, all or none, one process at a time.
pub(super) async fn run(store: &Store) -> Result<Migration, StoreError> {
    let known = known();
    let mut transaction = store.begin().await?;
    transaction.lift_limit();
    // SQLite has locked the file with the transaction. Here two servers that start together would
    // otherwise run the same version twice.
    if store.engine == Engine::Postgres {
        for unlimited in [
            "SET LOCAL statement_timeout = 0",
            "SET LOCAL lock_timeout = 0",
        ] {
            transaction.execute(unlimited).await?;
        }
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(POSTGRES_LOCK)
            .execute(&mut *transaction)
            .await?;
    }
    let table = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
    transaction.execute(table).await?;
    let found = version(&mut transaction).await?;
    // Before the first version runs: the tables of another program would otherwise get ours beside
    // them. What was made so far goes with the transaction.
    if found == 0 {
        refuse_foreign(store, tables(&mut transaction, store.engine).await?)?;
    }
    // A newer release has written there what this one does not know of, such as revocations of a new
    // kind.
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (number, text) in (1..).zip(MIGRATIONS) {
        if number > found {
            transaction.execute(sqlx::raw_sql(text)).await?;
            if number == FOLDED_APP_NAMES {
                fold_names(&mut transaction).await?;
            }
            tracing::info!(store.schema = number, "migrated the store to a new schema");
        }
    }
    if found < known {
        set_version(&mut transaction, known).await?;
    }
    transaction.commit().await?;
    Ok(Migration {
        from: found,
        to: known,
    })
}

/// Folds the names of apps that the database has not, or not as this program does.
async fn fold_names(transaction: &mut Transaction) -> Result<(), StoreError> {
    let rows = sqlx::query("SELECT app_key, name, folded_name FROM apps")
        .fetch_all(&mut **transaction)
        .await?;
    for row in rows {
        let (key, name): (&str, &str) = (row.try_get("app_key")?, row.try_get("name")?);
        let folded = AppName::known(name).folded();
        if folded == row.try_get::<&str, _>("folded_name")? {
            continue;
        }
        sqlx::query("UPDATE apps SET folded_name = $2 WHERE app_key = $1")
            .bind(key)
            .bind(&folded)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

impl Store {
    /// Marks the store as one that a binary with this schema has opened, as a restore does.
    pub async fn set_schema_version(&self, version: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        set_version(&mut transaction, version).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// A store without a version must be empty. An `SQLite` file is for Portcullis alone; a schema of
/// PostgreSQL may have what extensions put there, as long as no name is taken.
fn refuse_foreign(store: &Store, tables: Vec<String>) -> Result<(), StoreError> {
    let is_in_the_way = |name: &str| match store.engine {
        Engine::Sqlite => name != VERSION_TABLE,
        Engine::Postgres => own_tables().any(|own| own == name),
    };
    match tables.into_iter().find(|name| is_in_the_way(name)) {
        Some(table) => Err(StoreError::Foreign {
            server: store.reader.server().clone(),
            table,
        }),
        None => Ok(()),
    }
}

/// The names of the tables that the migrations make.
fn own_tables() -> impl Iterator<Item = &'static str> {
    let lines = MIGRATIONS.iter().flat_map(|text| text.lines());
    lines.filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split(' ').next())
}

/// The tables that are where this store's are or would be.
async fn tables(connection: &mut Held, engine: Engine) -> Result<Vec<String>, StoreError> {
    let text = match engine {
        Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             ORDER BY name"
        }
        Engine::Postgres => {
            "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables \
             WHERE schemaname = current_schema() ORDER BY tablename"
        }
    };
    let rows = connection.fetch_all(text).await?;
    let names = rows.iter().map(|row| row.try_get("name"));
    Ok(names.collect::<Result<_, _>>()?)
}

async fn set_version(connection: &mut Held, version: i64) -> Result<(), StoreError> {
    // Not updated: where the table was made just now it has no row.
    connection.execute("DELETE FROM schema_version").await?;
    sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
        .bind(version)
        .execute(connection)
        .await?;
    Ok(())
}

async fn version(connection: &mut Held) -> Result<i64, StoreError> {
    let text = "SELECT COALESCE(MAX(version), 0) AS version FROM schema_version";
    let row = connection.fetch_one(text).await?;
    Ok(row.try_get("version")?)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    use super::MIGRATIONS;
    use crate::coding::hex;

    /// As `sha256sum src/store/migrations/*.sql` prints them. A line is added with each migration,
    /// and none is ever changed: stores in use have run the text that it stands for.
    const DIGESTS: [&str; 27] = [
        "7e21bc2f437e4ccb4952d060bf9002d781fe4012f86eff9993d3a983cfd6ec11",
        "090f29b0753f2d83373c6cb02cb65f9291bd69495c568304102a00809ee1c43d",
        "5f1d35a87c8189860bcea49aad6c0a670a5bacc5baaca3bbb4dc1c99a77ab0ee",
        "6d9971405485ac6e0dd9a15d9e5148c716bbd881261245eded932efd23f7f5ec",
        "ab09fbb9f47efd6391c4917bce8d7bc8d81bb3e466c50a4fb83c2a34ff0c41b2",
        "44ca0601f9d0e87ff9ee06d4a4bce24c3cceb0b0edaf1251141e6526e1d76cc9",
        "29fccc20d4371551af003e26b666bfb1d85c3109b2e2d772bf9a84909186c90e",
        "8e63ebd5f6ccbcfe6431eab9a7cac8506414a7ef31b0e55ad1b06f8a81ea4643",
        "cc2f02f563e5d90693d62ceb3683ebe18dbcf8bddbe84b7e10d81844928582b2",
        "4d899cd2db3988cccea2eac3b6b8786f0f08d45e2d80200fe8b315418de2d911",
        "b80ad27e50b8a2d6aa0da162486042515d21412f49e6ffd61bdc9baae5300a70",
        "3c85866739fa27d50b408e44e8778628bc841ba9f7f731aa7652687fee977b45",
        "4862e932d21fcf98220df6ab63b2902265ea50b1c01ea9cb1d783758cdf1a00f",
        "aea4954b9ebaf3c118a13f5af587b4354bf0694823e9879a9ae1671a3c08aed2",
        "4d6effade4c4d1056694b786dfc578baa697acab4a828c69bd250e5f0a7c16e5",
        "fdc908c4bfca5254412e8f7246dc681b6b8e6a027a07d56cb0ced12cc54e57cf",
        "80750f4036ae633292cfd18c647b849c2138eec98337e9ef55dade17d6fed4dd",
        "004cacb5bbad98766fb8383853e75a01951d0ceeffba61ff8583ba899653938f",
        "f0244c5371ffa2e7fd17a0c549f850104ac4b8e978244d1cf777ed22843d7ce1",
        "03da82dbded3c7a8c47bd8c944f31573f908996324d61acc9ead88de0ea26d1e",
        "4eb5c3048109202858dcd50110fd9fe05ffa3003d9de4cad3e300c72877f4a26",
        "c95e7a867eb6b7c55100b3d727a7228b807a80272508e7a8c16d8a00eb569f0f",
        "b73d844ea48d8e157df5e1e2131264cb57c8bb86d443cc9fa6e1d53cc0976304",
        "fd0c5b339af35d072d45b6c127369e9ccba86f306cacb98bc9d73d1e756095b7",
        "b765efc0ef70f78f9483d7f8b5adb732b22bce7a15ec322313763e5843a3b7a7",
        "4bd57dec439697a1c415496a0f22f2ec234cd0b96d5a1f95fae96f7d5d164b8c",
        "771ed6d9630b4b4e0a78e80c2e447c4ea6f3d25de6948fcd95e6f0fca5d34a94",
    ];

    #[test]
    fn a_released_migration_is_never_edited() {
        assert_eq!(MIGRATIONS.len(), DIGESTS.len(), "pin the new migration");
        for ((number, text), expected) in (1..).zip(MIGRATIONS).zip(DIGESTS) {
            let found = hex(digest(&SHA256, text.as_bytes()).as_ref());
            assert_eq!(found, expected, "migration {number}: add another instead");
        }
    }
}
