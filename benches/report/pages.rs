//! The pages of the panel in a large organisation: how long the server takes for each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use portcullis::clock::{Clock, SystemClock};
use portcullis::identity::{
    App, AppDescription, AppKey, AppName, AppStatus, Email, PlainSecret, RoleName, ScopeName,
    ScopeSet, ScopesFrom, Status, User, UserId, Username,
};
use portcullis::store::Committed;
use portcullis::token::LogPosition;

use crate::fixture::{Files, Issuer, with_store};
use crate::issuing;
use crate::postgres::Postgres;
use crate::table::{Goal, Table};

const USERS: usize = 10_000;
const ROLES: usize = 1000;
const APPS_OF_EACH: usize = 5;
const SCOPES: usize = 200;

/// What was done in the directory.
const AUDIT_ENTRIES: i64 = 1_000_000;

/// How often each grant was extended: its tokens of before are kept until they would have expired.
const USED_TOKENS: i64 = 20;

/// How often each page is asked for; the middle time counts.
const TURNS: usize = 21;

/// The most that a page should take, in milliseconds.
const GOAL: f64 = 100.0;

/// The first administrator's password.
const PASSWORD: &str = "a password for the report";

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, _: &Issuer, files: &Files) {
    let file = files.path("pages.db");
    let store = format!("sqlite:{}", file.display());
    measure_on(table, files, "SQLite", &store);
    if let Some(postgres) = Postgres::start() {
        measure_on(table, files, "PostgreSQL", &postgres.database("pages"));
    } else {
        table.skip("pages of the panel, PostgreSQL", "it is not installed");
    }
}

fn measure_on(table: &mut Table, files: &Files, name: &str, store: &str) {
    let server = issuing::start_with_administrator(files, store, PASSWORD);
    fill(store);
    let address = server.issuer.unwrap();
    let browser = log_in(address);
    let middle = format!("user-{:05}", USERS / 2);
    let app = AppKey::from_random(bytes(USERS / 2 * APPS_OF_EACH));
    let app = app.as_str();
    for path in [
        "/panel/users".to_owned(),
        format!("/panel/users?search={middle}"),
        "/panel/users?search=nobody-is-called-so".to_owned(),
        format!("/panel/users/{middle}"),
        format!("/panel/users/{middle}/status"),
        "/panel/roles".to_owned(),
        "/panel/roles/role-0000".to_owned(),
        "/panel/roles/role-0000/delete".to_owned(),
        "/panel/scopes".to_owned(),
        "/panel/scopes/orders.part-000".to_owned(),
        "/panel/apps".to_owned(),
        format!("/panel/apps?owner={middle}"),
        format!("/panel/apps/{app}/delete"),
        "/panel/apps?unused_days=90".to_owned(),
        "/panel/apps?unused_days=3650&secret_days=3650".to_owned(),
        "/panel/apps?secret_days=365&status=disabled".to_owned(),
        "/panel/policy".to_owned(),
        "/panel/components".to_owned(),
        "/panel/audit".to_owned(),
        format!("/panel/audit?actor={middle}"),
        "/panel/audit?actor=nobody-is-called-so".to_owned(),
        format!("/panel/audit?object={middle}"),
        "/panel/audit?object=nothing-is-called-so".to_owned(),
        "/panel/gates".to_owned(),
        "/panel/keys".to_owned(),
        "/panel/revoke".to_owned(),
        "/portal/apps".to_owned(),
        "/portal/try".to_owned(),
        "/portal/try?operation=browse-products".to_owned(),
    ] {
        let time = middle_time(address, &browser, &path);
        table.add(&format!("{path}, {name}"), time, "ms", Goal::Most(GOAL));
    }
    server.stop();
}

/// Users, roles and apps as they would be after years, in one transaction each.
fn fill(location: &str) {
    with_store(location, async |store| {
        let now = SystemClock.now();
        let mut change = store.change(now).await.unwrap();
        let scopes: Vec<ScopeName> = (0..SCOPES)
            .map(|number| ScopeName::parse(&format!("orders.part-{number:03}")).unwrap())
            .collect();
        for scope in &scopes {
            change.add_scope(scope, "for the report").await.unwrap();
        }
        let roles: Vec<RoleName> = (0..ROLES)
            .map(|number| RoleName::parse(&format!("role-{number:04}")).unwrap())
            .collect();
        for (number, role) in roles.iter().enumerate() {
            let scopes = scopes.iter().cycle().skip(number).take(10).cloned();
            let scopes: ScopeSet = scopes.collect();
            change.add_role(role, &scopes).await.unwrap();
        }
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        let mut change = store.change(now).await.unwrap();
        for number in 0..USERS {
            let user = user(number, &roles, now);
            // Nobody logs in as this user.
            change.add_user(&user, "*").await.unwrap();
            for app in 0..APPS_OF_EACH {
                let app_number = number * APPS_OF_EACH + app;
                let app = app_of(&user, app_number);
                let mut secret = [0; 32];
                secret[..16].copy_from_slice(&bytes(app_number));
                let secret = PlainSecret::from_random(secret).kept();
                change.add_app(&app, &secret).await.unwrap();
            }
        }
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        add_grants(location).await;
    });
}

/// A grant that can be extended for each app, of its owner, with its used tokens before the one that is not; and an
/// audit of years, in which each user has done something and had something done to it.
async fn add_grants(location: &str) {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(location).await.unwrap();
    let used = "INSERT INTO refresh_tokens \
                (digest, family, user_id, app_key, scopes, created_at, expires_at, used_at, successor) \
                WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) \
                SELECT 'used-' || n || '-' || app_key, 'grant-' || app_key, owner_id, app_key, '', created_at, \
                created_at + 2592000, created_at, 'x' FROM apps, numbers";
    sqlx::query(used)
        .bind(USED_TOKENS)
        .execute(&pool)
        .await
        .unwrap();
    let audit = "INSERT INTO audit (position, done_at, expires_at, actor, action, object_kind, object_name, change, \
                 actor_name, object_title, folded_title) \
                 WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) \
                 SELECT (SELECT MAX(position) FROM audit) + n, 1, 4102444800, u.id, 'changed', 'user', o.id, '', \
                 u.username, o.username, o.folded_username FROM numbers \
                 JOIN users u ON u.id = 'id-' || (n * 31 % $2) JOIN users o ON o.id = 'id-' || (n * 17 % $2)";
    let users = i64::try_from(USERS).unwrap();
    let audit = sqlx::query(audit).bind(AUDIT_ENTRIES).bind(users);
    audit.execute(&pool).await.unwrap();
    let text = "INSERT INTO refresh_tokens \
                (digest, family, user_id, app_key, scopes, created_at, expires_at, used_at, successor) \
                SELECT 'digest-' || app_key, 'grant-' || app_key, owner_id, app_key, '', created_at, \
                created_at + 2592000, 0, '' FROM apps";
    sqlx::query(text).execute(&pool).await.unwrap();
    if location.starts_with("postgres:") {
        // What PostgreSQL does by itself within a minute or so. Until then it knows nothing of the new rows, and
        // chooses plans for empty tables.
        sqlx::query("ANALYZE").execute(&pool).await.unwrap();
    }
    pool.close().await;
}

/// Every user has the first role and another one.
fn user(number: usize, roles: &[RoleName], now: portcullis::clock::UnixSeconds) -> User {
    let name = format!("user-{number:05}");
    User {
        id: UserId::known(&format!("id-{number}")),
        username: Username::parse(&name).unwrap(),
        email: Email::parse(&format!("{name}@shop.example")).unwrap(),
        status: Status::Active,
        roles: vec![roles[0].clone(), roles[1 + number % (ROLES - 1)].clone()],
        scopes: ScopeSet::default(),
        created_at: now,
        passkeys: 0,
        as_of: LogPosition::default(),
        revoked_through: LogPosition::default(),
    }
}

fn app_of(user: &User, number: usize) -> App {
    App {
        key: AppKey::from_random(bytes(number)),
        name: AppName::parse(&format!("shop-{number}")).unwrap(),
        description: AppDescription::default(),
        link: None,
        owner: user.id.clone(),
        redirect_uris: Vec::new(),
        scopes: ScopeSet::default(),
        scopes_from: ScopesFrom::Owner,
        status: AppStatus::Active,
        created_at: user.created_at,
        revoked_through: LogPosition::default(),
        last_used_at: None,
        secret_since: None,
    }
}

/// Different for each number, and spread.
fn bytes(number: usize) -> [u8; 16] {
    let number = u128::try_from(number).unwrap() + 1;
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    spread.to_be_bytes()
}

/// The cookies of a session of the administrator.
fn log_in(address: SocketAddr) -> String {
    let (head, body) = exchange(address, "GET", "/portal/log-in", "", "");
    let cookie = cookies(&head);
    let (_, rest) = body.split_once("name=\"csrf\" value=\"").unwrap();
    let (csrf, _) = rest.split_once('"').unwrap();
    let form = format!(
        "csrf={csrf}&username=admin&password={}",
        PASSWORD.replace(' ', "+")
    );
    let (head, _) = exchange(address, "POST", "/portal/log-in", &cookie, &form);
    assert!(head.starts_with("HTTP/1.1 303"), "{head}");
    format!("{cookie}; {}", cookies(&head))
}

fn cookies(head: &str) -> String {
    let lines = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let set = name.eq_ignore_ascii_case("set-cookie");
        set.then(|| value.split(';').next().unwrap_or_default().to_owned())
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// In milliseconds, with the time on the way, which is little on one machine.
fn middle_time(address: SocketAddr, cookie: &str, path: &str) -> f64 {
    let mut times: Vec<f64> = (0..TURNS)
        .map(|_| {
            let begin = Instant::now();
            let (head, _) = exchange(address, "GET", path, cookie, "");
            let time = begin.elapsed().as_secs_f64() * 1000.0;
            assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
            time
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[TURNS / 2]
}

/// The head and the body of the answer to one request.
fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    cookie: &str,
    form: &str,
) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: id2.shop.example\r\nconnection: close\r\ncookie: {cookie}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}
