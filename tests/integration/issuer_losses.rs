//! The issuer when something is taken away: rights, users, its database.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use portcullis::clock::UnixSeconds;
use portcullis::identity::{RoleName, ScopeSet, Status, UserId};
use portcullis::store::{Committed, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::asker::Asker;
use crate::clients::skip;
use crate::issuer::error;
use crate::issuer_process::{
    BINARY, CLIENT_CREDENTIALS, Process, SERVE, call, client, healed, json_headers, refresh, send,
    text, token,
};
use crate::postgres::Postgres;
use crate::test_app::write_files;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, setup};
use crate::test_issuer::TestIssuer;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

const UNAVAILABLE: (u16, &str) = (503, "temporarily_unavailable");

#[tokio::test]
async fn what_was_taken_away_is_gone_at_once() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let granted = companion.token(&app, CLIENT_CREDENTIALS).await.json();
    let account = companion.get("/consumer/account", &alice).await.json();
    // By another process on the same store, as the command line is.
    let store = Store::open(&companion.store()).await.unwrap();
    let role = RoleName::parse("consumer").unwrap();
    let scopes = ScopeSet::parse("orders.read consumer.account").unwrap();
    let mut change = store.change(NOW).await.unwrap();
    change.remove_role_scopes(&role, &scopes).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(
        error(&companion.get("/consumer/account", &alice).await).0,
        401
    );
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&answer), (400, "invalid_scope".to_owned()));

    let id = UserId::known(account["id"].as_str().unwrap());
    let mut change = store.change(NOW).await.unwrap();
    change.set_user_status(&id, Status::Disabled).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(error(&companion.get("/consumer/app", &alice).await).0, 401);
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&answer), (401, "invalid_client".to_owned()));
    let refresh = granted["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(error(&companion.token(&app, &form).await).0, 401);
    let body = json!({"username": "alice", "password": PASSWORD});
    let answer = companion.post("/consumer/login", &body, "").await;
    assert_eq!(error(&answer), (401, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn without_its_database_the_issuer_says_so_and_the_gate_goes_on() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let companion = TestCompanion::on(&postgres.database("issuer"), folder).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    postgres.crash();
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let account = companion.get("/consumer/account", &alice).await;
    assert_eq!(error(&account), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
    let register = json!({"username": "bob", "email": "b@shop.example", "password": PASSWORD});
    let register = companion.post("/consumer/register", &register, "").await;
    assert_eq!(
        error(&register),
        (503, "temporarily_unavailable".to_owned())
    );
    postgres.resume();
    healed(companion.address, &app).await;
    assert_eq!(companion.get("/consumer/account", &alice).await.status, 200);
}

#[tokio::test]
async fn a_database_that_turns_read_only_is_told_and_comes_back() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.database("issuer");
    let companion = TestCompanion::on(&url, folder).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    // As after a failover to a replica: those who are connected are cut off.
    let switch = async |state: &str| {
        let text = format!("ALTER DATABASE issuer SET default_transaction_read_only = {state}");
        let writable = "SET default_transaction_read_only = off";
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                      WHERE datname = 'issuer' AND pid <> pg_backend_pid()";
        let mut connection = pool.acquire().await.unwrap();
        for text in [writable, &text, others] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(text))
                .execute(&mut *connection)
                .await
                .unwrap();
        }
    };
    switch("on").await;
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()));
    let body = json!({"name": "another"});
    let answer = companion.post("/consumer/app", &body, &alice).await;
    assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
    switch("off").await;
    healed(companion.address, &app).await;
    let list = companion.get("/consumer/app", &alice).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let answer = companion.post("/consumer/app", &body, &alice).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// A file system of its own for the store, which nobody else sees.
struct SmallDisk {
    folder: TempDir,
    process: Option<Process>,
}

/// Mounts what is asked for, then becomes the server.
fn in_own_mounts(mount: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-ec"]);
    command.arg(format!("{mount}; exec \"$0\" \"$@\""));
    command
}

impl SmallDisk {
    /// None where the system lets nobody mount, which is told.
    fn prepare(mount: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        std::fs::create_dir(&disk).unwrap();
        let store = format!("sqlite:{}/store.db", disk.display());
        let setup = setup(folder.path(), &store);
        write_files(folder.path(), &setup, &TestIssuer::new("key-1"));
        let mut trial = in_own_mounts(mount);
        let mounted = trial.arg("true").current_dir(folder.path()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            skip("this system lets nobody mount (`unshare --user --mount`)");
            return None;
        }
        Some(Self {
            folder,
            process: None,
        })
    }

    fn start(&mut self, mount: &str) -> SocketAddr {
        let mut command = in_own_mounts(mount);
        command.arg(BINARY).args(SERVE);
        let process = Process::start_by(command, self.folder.path());
        let address = process.address;
        self.process = Some(process);
        address
    }

    /// A file on the disk, as this process reaches it.
    fn path(&self, name: &str) -> PathBuf {
        let id = self.process.as_ref().unwrap().child.id();
        let disk = self.folder.path().join("disk");
        PathBuf::from(format!("/proc/{id}/root{}/{name}", disk.display()))
    }
}

const SMALL: &str = "mount -t tmpfs -o size=2m tmpfs disk";

#[tokio::test]
async fn on_a_full_disk_writes_are_refused_and_what_was_answered_stays() {
    let Some(mut disk) = SmallDisk::prepare(SMALL) else {
        return;
    };
    let address = disk.start(SMALL);
    let login = json!({"username": "admin", "password": ADMIN_PASSWORD}).to_string();
    let login = call(address, "/consumer/login", &json_headers(""), &login).await;
    let admin = text(&login.unwrap().1, "token");
    let post = async |path: &str, body: Value| {
        call(address, path, &json_headers(&admin), &body.to_string())
            .await
            .unwrap()
    };
    post(
        "/backend/scope",
        json!({"name": "orders.read", "description": "for tests"}),
    )
    .await;
    let role = json!({"name": "reader", "scopes": ["orders.read"]});
    assert_eq!(post("/backend/role", role).await.0, 201);
    let roles = json!({"roles": ["administrator", "reader"]}).to_string();
    let (path, headers) = ("/backend/user/admin", json_headers(&admin));
    let changed = send(address, "PUT", path, &headers, &roles).await;
    assert_eq!(changed.unwrap().0, 200);
    let login = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let admin = text(&post("/consumer/login", login).await.1, "token");
    let make_app = async |name: &str| {
        let body = json!({"name": name}).to_string();
        let made = call(address, "/consumer/app", &json_headers(&admin), &body).await;
        made.unwrap()
    };
    let app = client(&make_app("web-shop").await.1);

    let filled = disk.path("fill");
    let error = std::fs::write(&filled, vec![0; 4 << 20]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    // The journal may have some room left.
    let mut answered = Vec::new();
    let refused = loop {
        match token(address, &app, CLIENT_CREDENTIALS).await.unwrap() {
            (200, body) => answered.push(text(&body, "refresh_token")),
            refused => break refused,
        }
    };
    assert_eq!((refused.0, &*text(&refused.1, "error")), UNAVAILABLE);
    let made = make_app("another").await;
    assert_eq!((made.0, &*text(&made.1, "error")), UNAVAILABLE);
    let gate = Asker::connect(&disk.process.as_ref().unwrap().authz_url).await;
    assert_eq!(gate.ask("/orders/1", Some(&admin)).await.status, 200);

    std::fs::remove_file(&filled).unwrap();
    healed(address, &app).await;
    for fresh in answered {
        let got = token(address, &app, &refresh(&fresh)).await;
        assert_eq!(got.unwrap().0, 200, "a token is lost");
    }
    assert_eq!(make_app("another").await.0, 201, "it was not made by half");
}

#[tokio::test]
async fn a_read_only_store_is_told_at_the_start() {
    const READ_ONLY: &str = "mount --bind disk disk; mount -o remount,bind,ro disk";
    let Some(mut disk) = SmallDisk::prepare(READ_ONLY) else {
        return;
    };
    let start = |disk: &SmallDisk| {
        let mut command = in_own_mounts(READ_ONLY);
        command
            .arg(BINARY)
            .args(SERVE)
            .current_dir(disk.folder.path());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = start(&disk);
    assert!(said.contains("cannot create the store"), "{said}");
    assert!(said.contains("check its directory"), "{said}");
    // One that was there already, with everything in it.
    disk.start("true");
    disk.process = None;
    let said = start(&disk);
    assert!(said.contains("cannot open the store"), "{said}");
    assert!(said.contains("who may write"), "{said}");
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "not a database at all, but long enough for its header\n".repeat(100),
    )
    .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&text, mode).unwrap();
    // Nobody listens there any more.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let away = socket.local_addr().unwrap();
    drop(socket);
    for (store, says) in [
        (
            format!("sqlite:{}", text.display()),
            vec!["text.db` is not an SQLite database", "issuer.store"],
        ),
        (
            format!("postgres://test:hunter2@{away}/shop"),
            vec!["PostgreSQL at `127.0.0.1:", "refused", "issuer.store"],
        ),
    ] {
        let setup = setup(folder.path(), &store);
        write_files(folder.path(), &setup, &TestIssuer::new("key-1"));
        let mut command = Command::new(BINARY);
        let output = command.args(SERVE).current_dir(folder.path()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<&str> = said.lines().filter(|line| !line.contains("INFO")).collect();
        assert_eq!(lines.len(), 1, "{said}");
        for expected in says {
            assert!(lines[0].contains(expected), "{said}");
        }
        assert!(!said.contains("hunter2"), "{said}");
    }
}

/// What the server and the commands say of a store that is something else.
#[test]
fn what_is_not_a_store_is_told_alike_by_server_and_commands() {
    let folder = tempfile::tempdir().unwrap();
    let private = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).unwrap();
    };
    private("text.db", &"not a database at all\n".repeat(300));
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    private("other.db", "");
    shape(&format!(
        "sqlite:{}",
        folder.path().join("other.db").display()
    ));
    let mut rows = vec![
        (
            "sqlite:text.db".to_owned(),
            "text.db` is not an SQLite database",
        ),
        ("sqlite:folder".to_owned(), "folder` is a directory"),
        (
            "sqlite:other.db".to_owned(),
            "other.db` has a table `users`",
        ),
        ("sqlite:x.db?mode=ro".to_owned(), "takes no parameters"),
    ];
    let postgres = Postgres::start();
    if let Some(postgres) = &postgres {
        let url = postgres.database("other");
        shape(&url);
        rows.push((url, "has a table `users` that is not Portcullis's"));
    }
    for (store, says) in rows {
        let setup = setup(folder.path(), &store);
        write_files(folder.path(), &setup, &TestIssuer::new("key-1"));
        for arguments in [
            &SERVE[..],
            &["user", "list", "--config", "portcullis.yaml"],
            &["store", "--config", "portcullis.yaml", "migrate"],
            &["key", "rotate", "--config", "portcullis.yaml"],
        ] {
            let mut command = Command::new(BINARY);
            let output = command.args(arguments).current_dir(folder.path()).output();
            let output = output.unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
            assert!(said.contains(says), "{store}, {arguments:?}: {said}");
            assert!(said.contains("issuer.store"), "{said}");
        }
    }
    assert!(!folder.path().join("x.db?mode=ro").exists());
}

/// Gives a database the table of another program.
fn shape(url: &str) {
    sqlx::any::install_default_drivers();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let pool = sqlx::AnyPool::connect(url).await.unwrap();
        let table = "CREATE TABLE users (name TEXT)";
        sqlx::query(table).execute(&pool).await.unwrap();
        pool.close().await;
    });
}
