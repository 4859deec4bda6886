//! What an operator does with the file of a store, and what is said of one that cannot be used.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use portcullis::identity::Username;
use portcullis::store::{Store, StoreLocation};
use serde_json::Value;

use crate::accounts::refused;
use crate::admin_verbs::run;
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion, setup, sqlite};

/// A user who is not the one of the test: nobody.
const NOBODY: u32 = 65_534;

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// Removes what a process that was not ended properly has left behind.
async fn forget_issuers(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    for row in store.instances().await.unwrap() {
        store.forget_instance(&row.id).await.unwrap();
    }
    store.close().await;
}

async fn has_user(place: &StoreLocation, name: &str) -> bool {
    let store = Store::open(place).await.unwrap();
    let name = Username::parse(name).unwrap();
    let found = store.user_named(&name).await.unwrap();
    store.close().await;
    found.is_some()
}

#[tokio::test]
async fn a_copy_is_put_in_place_whatever_lies_beside_the_store() {
    let companion = TestCompanion::start().await;
    let place = companion.store();
    let StoreLocation::Sqlite(path) = place.clone() else {
        panic!("it is in a file")
    };
    let copy = beside_of(&path, ".copy");
    let alice = companion.register("alice").await;
    let machine = companion.gate.folder.path();
    let backup = ["store", "backup", "--out", copy.to_str().unwrap()];
    let backup = run(machine, &backup, "");
    assert!(backup.status.success(), "{backup:?}");
    companion.register("bobby").await;
    let restore = ["store", "restore", copy.to_str().unwrap()];
    let running = run(machine, &restore, "");
    assert_eq!(running.status.code(), Some(1), "{running:?}");
    assert!(text(&running).0.contains("an issuer runs"), "{running:?}");

    let (journal, index) = (beside_of(&path, "-wal"), beside_of(&path, "-shm"));
    let kept = companion.stop();
    forget_issuers(&place).await;
    assert!(has_user(&place, "bobby").await);
    // A log of the store, as it is there after a crash.
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", path.display());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let change = "UPDATE users SET email = 'b@shop.example' WHERE username = 'bobby'";
    sqlx::query(change).execute(&pool).await.unwrap();
    let log = fs::read(&journal).unwrap();
    assert!(!log.is_empty());
    pool.close().await;
    fs::write(&journal, &log).unwrap();
    fs::set_permissions(&journal, Permissions::from_mode(0o600)).unwrap();
    write_config(kept.path(), path.file_name().unwrap().to_str().unwrap());

    let done = run(kept.path(), &restore, "");
    assert!(done.status.success(), "{done:?}");
    let (told, audit) = text(&done);
    assert!(told.contains("withdrawn"), "{told}");
    assert!(audit.contains("operator.name"), "{audit}");
    for gone in [&journal, &index, &beside_of(&path, ".restoring")] {
        assert!(!gone.exists(), "{}", gone.display());
    }
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert!(copy.exists(), "the copy stays");
    assert!(has_user(&place, "alice").await);
    assert!(!has_user(&place, "bobby").await, "it came after the copy");
    // What was given out before the copy is revoked.
    let setup = setup(kept.path(), &sqlite(kept.path()));
    let companion = TestCompanion::with(&setup, kept);
    refused(&companion, &alice).await;
    companion.login("admin", ADMIN_PASSWORD).await;
}

fn beside_of(path: &Path, ending: &str) -> std::path::PathBuf {
    let name = path.file_name().unwrap().to_str().unwrap();
    path.with_file_name(format!("{name}{ending}"))
}

#[tokio::test]
async fn what_is_no_copy_leaves_the_store_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), "store.db");
    let place = StoreLocation::parse("sqlite:store.db", folder.path()).unwrap();
    Store::open(&place).await.unwrap().close().await;
    let before = fs::read(folder.path().join("store.db")).unwrap();
    fs::write(folder.path().join("text"), "no database at all, but a text").unwrap();
    fs::copy(
        folder.path().join("store.db"),
        folder.path().join("torn.db"),
    )
    .unwrap();
    fs::write(folder.path().join("torn.db-wal"), "what came last").unwrap();
    for (copy, told) in [
        ("text", "not an SQLite database"),
        ("missing.db", "cannot read the copy"),
        ("store.db", "is the store itself"),
        ("torn.db", "write-ahead log beside it"),
    ] {
        let output = run(folder.path(), &["store", "restore", copy], "");
        assert!(!output.status.success(), "{copy}: {output:?}");
        assert!(text(&output).1.contains(told), "{copy}: {output:?}");
        let after = fs::read(folder.path().join("store.db")).unwrap();
        assert!(after == before, "{copy}");
        assert!(!folder.path().join("store.db.restoring").exists(), "{copy}");
    }
}

fn write_config(folder: &Path, store: &str) {
    let config = format!(
        "version: 1\npolicy: [policy.yaml]\n\
         issuer: {{url: \"https://id.shop.example\", store: \"sqlite:{store}\"}}\n"
    );
    fs::write(folder.join("portcullis.yaml"), config).unwrap();
    let policy = "version: 1\nroutes: [{name: open, methods: [GET], path: /, access: public}]\n";
    fs::write(folder.join("policy.yaml"), policy).unwrap();
}

/// Runs a command as another user than the one of the files, where the test may.
fn as_nobody(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(arguments)
        .args(["--config", "portcullis.yaml"])
        .current_dir(folder)
        .env_clear();
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().unwrap()
}

#[tokio::test]
async fn a_store_of_somebody_else_is_said_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    for (store, owned, mode) in [
        ("private/store.db", "private", 0o700),
        ("open/store.db", "open/store.db", 0o600),
    ] {
        fs::create_dir(folder.path().join(store).parent().unwrap()).unwrap();
        write_config(folder.path(), store);
        let place = StoreLocation::parse(&format!("sqlite:{store}"), folder.path()).unwrap();
        Store::open(&place).await.unwrap().close().await;
        let closed = folder.path().join(owned);
        // Closed to the user of the test as well, where that is the one who asks.
        let mode = if is_root { mode } else { 0 };
        fs::set_permissions(&closed, Permissions::from_mode(mode)).unwrap();
        for command in [&["user", "list"][..], &["check"], &["serve"]] {
            let output = as_nobody(folder.path(), command);
            assert!(!output.status.success(), "{store} {command:?}: {output:?}");
            let (out, err) = text(&output);
            let told = format!("{out}{err}");
            for part in [
                "permission denied for the store",
                "this process is user",
                &format!("`{owned}` belongs to"),
            ] {
                assert!(told.contains(part), "{store} {command:?}: {part}: {told}");
            }
        }
        fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    }
}

#[tokio::test]
async fn backups_are_in_the_audit_and_a_misspelt_filter_is_an_error() {
    let companion = TestCompanion::start().await;
    let folder = companion.gate.folder.path();
    let backup = run(folder, &["store", "backup", "--out", "copy.db"], "");
    assert!(backup.status.success(), "{backup:?}");
    assert!(text(&backup).1.contains("operator.name"), "{backup:?}");
    let list = |filter: &[&str]| {
        let arguments = [&["audit", "list", "--format", "json"], filter].concat();
        run(folder, &arguments, "")
    };
    let listed = list(&["--action", "backed up", "--object-kind", "store"]);
    let listed: Value = serde_json::from_str(&text(&listed).0).unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_ne!(listed["items"][0]["who"], "", "{listed}");
    for (filter, told) in [
        (["--action", "disabled"], "`deleted`"),
        (["--object-kind", "appp"], "`app`"),
    ] {
        let output = list(&filter);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output).1.contains(told), "{output:?}");
    }
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    for (query, told) in [
        ("action=disabled", "`deleted`"),
        ("object_kind=appp", "`app`"),
    ] {
        let path = format!("/backend/audit?{query}");
        let answer = companion.get(&path, &admin).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains(told), "{answer:?}");
    }
}
