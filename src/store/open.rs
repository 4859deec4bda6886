//! Opening the store: connections, and what differs between the engines.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyPool, Executor};

use super::location::{Engine, StoreLocation};
use super::{Store, StoreError, migrations, notices};

/// The longest that a request waits for a connection.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(5);

const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

impl Store {
    /// Opens the store, makes it where it does not exist, and brings its schema up to date.
    pub async fn open(location: &StoreLocation) -> Result<Self, StoreError> {
        install_default_drivers();
        let store = match location {
            StoreLocation::Sqlite(path) => {
                create_privately(path)?;
                let url = sqlite_url(path);
                Self {
                    engine: location.engine(),
                    writer: connect(&url, 1, Engine::Sqlite).await?,
                    reader: connect(&url, SQLITE_READERS, Engine::Sqlite).await?,
                    appended: Arc::default(),
                    notices: None,
                }
            }
            StoreLocation::Postgres(url) => {
                let pool = connect(url, POSTGRES_CONNECTIONS, Engine::Postgres).await?;
                Self {
                    engine: location.engine(),
                    notices: notices::offered(&pool).await.then(|| location.clone()),
                    writer: pool.clone(),
                    reader: pool,
                    appended: Arc::default(),
                }
            }
        };
        migrations::run(&store).await?;
        Ok(store)
    }
}

async fn connect(url: &str, connections: u32, engine: Engine) -> Result<AnyPool, StoreError> {
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECTION_PATIENCE)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if engine == Engine::Sqlite {
                    // FULL: a write that was answered survives a loss of power.
                    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                                    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000";
                    connection.execute(sqlx::raw_sql(settings)).await?;
                }
                Ok(())
            })
        });
    Ok(options.connect(url).await?)
}

/// The store holds private keys: its owner alone reads it, from the first moment on. Its journal
/// gets the same mode.
fn create_privately(path: &Path) -> Result<(), StoreError> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(StoreError::File {
            path: path.display().to_string(),
            source,
        }),
    }
}

/// The driver decodes `%XX` in the path and splits it at `?`.
fn sqlite_url(path: &Path) -> String {
    let mut url = "sqlite://".to_owned();
    for character in path.to_string_lossy().chars() {
        match character {
            '%' => url.push_str("%25"),
            '?' => url.push_str("%3F"),
            '#' => url.push_str("%23"),
            other => url.push(other),
        }
    }
    url
}
