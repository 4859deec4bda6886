use std::path::Path;

use super::*;

fn one_connection(folder: &Path, max_age: Duration) -> Connections {
    sqlx::any::install_default_drivers();
    let path = folder.join("store.db");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let target = Target {
        options: url.parse().unwrap(),
        engine: Engine::Sqlite,
        server: Server::file(&path),
        file: None,
        settings: None,
        wishes: vec!["PRAGMA of_no_database = 1".to_owned()],
        max_age,
    };
    Connections::new(target, 1)
}

async fn run(connections: &Connections, text: &'static str) -> Result<usize, sqlx::Error> {
    let rows = sqlx::query(text).fetch_all(connections).await?;
    Ok(rows.len())
}

/// A temporary table is of one connection: whether it is still there.
async fn is_kept(connections: &Connections) -> bool {
    run(connections, "SELECT id FROM mine").await.is_ok()
}

#[tokio::test]
async fn a_connection_is_used_again_until_it_is_too_old() {
    let folder = tempfile::tempdir().unwrap();
    for (max_age, kept) in [(Duration::from_hours(1), true), (Duration::ZERO, false)] {
        let connections = one_connection(folder.path(), max_age);
        run(&connections, "CREATE TEMP TABLE mine (id BIGINT)")
            .await
            .unwrap();
        assert_eq!(is_kept(&connections).await, kept, "{max_age:?}");
    }
}

#[tokio::test]
async fn a_refused_statement_leaves_its_connection_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let connections = one_connection(folder.path(), Duration::from_hours(1));
    run(&connections, "CREATE TEMP TABLE mine (id BIGINT)")
        .await
        .unwrap();
    assert!(run(&connections, "SELECT nonsense").await.is_err());
    assert!(is_kept(&connections).await);
}

#[tokio::test]
async fn a_dropped_transaction_never_was_whatever_it_was_doing() {
    let folder = tempfile::tempdir().unwrap();
    let connections = one_connection(folder.path(), Duration::from_hours(1));
    run(&connections, "CREATE TABLE rows (id BIGINT)")
        .await
        .unwrap();
    for refused in [false, true] {
        let mut transaction = connections.begin().await.unwrap();
        let insert = "INSERT INTO rows (id) VALUES (1)";
        sqlx::query(insert)
            .execute(&mut *transaction)
            .await
            .unwrap();
        if refused {
            let nonsense = sqlx::query("SELECT nonsense").execute(&mut *transaction);
            assert!(nonsense.await.is_err());
        }
        drop(transaction);
        // There is one connection: this waits until it has been settled.
        let left = run(&connections, "SELECT id FROM rows").await.unwrap();
        assert_eq!(left, 0, "refused: {refused}");
    }
}

#[tokio::test]
async fn a_transaction_that_has_taken_too_long_begins_no_statement_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let connections = one_connection(folder.path(), Duration::from_hours(1));
    run(&connections, "CREATE TABLE rows (id BIGINT)")
        .await
        .unwrap();
    let insert = "INSERT INTO rows (id) VALUES (1)";
    for (length, expected) in [(Duration::ZERO, 0), (Duration::from_hours(1), 1)] {
        let mut transaction = connections.begin().await.unwrap();
        transaction.bound(length);
        let inserted = sqlx::query(insert).execute(&mut *transaction).await;
        match inserted {
            Ok(_) => transaction.commit().await.unwrap(),
            Err(error) => {
                let error = StoreError::from(error);
                assert!(matches!(error, StoreError::LongChange(_)), "{error}");
                drop(transaction);
            }
        }
        let left = run(&connections, "SELECT id FROM rows").await.unwrap();
        assert_eq!(left, expected, "{length:?}");
    }
}
