//! Tokens a second: `client_credentials` and refreshes, each answered once it is durable.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::clock::{Clock, SystemClock};
use portcullis::identity::{
    self, AppDescription, AppKey, AppName, AppStatus, Email, PlainSecret, RoleName, ScopeName,
    ScopeSet, Status, User, UserId, Username,
};
use portcullis::token::LogPosition;
use tokio::task::JoinSet;

use crate::fixture::{AUDIENCE, Files, Issuer, with_store};
use crate::postgres::Postgres;
use crate::process::{children, processor_time};
use crate::server::{Kind, Server, Under};
use crate::table::{Goal, Table};
use crate::token_client::{App, Asking, Connection};

/// Apps that ask at a time, each over a connection with one request under way.
const CONNECTIONS: usize = 64;

/// The connections over which one app asks.
const CONNECTIONS_OF_ONE: usize = 32;

/// Until connections, statements and files are as they stay.
const WARM_UP: Duration = Duration::from_secs(2);
const DURATION: Duration = Duration::from_secs(8);

/// The issuer's name.
pub(crate) const COMPANION: &str = "https://id2.shop.example";

/// Tokens a second.
const GOAL: f64 = 5000.0;

/// Processor time for a token, of issuer and database, in microseconds.
const GOAL_PROCESSOR: f64 = 120.0;

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, _: &Issuer, files: &Files) {
    let file = files.path("issuer.db");
    measure_on(
        table,
        files,
        "SQLite",
        &format!("sqlite:{}", file.display()),
        None,
    );
    if let Some(postgres) = Postgres::start() {
        let url = postgres.database("issuer");
        measure_on(table, files, "PostgreSQL", &url, Some(&postgres));
    } else {
        table.skip("client_credentials, PostgreSQL", "it is not installed");
    }
}

fn measure_on(
    table: &mut Table,
    files: &Files,
    name: &str,
    store: &str,
    postgres: Option<&Postgres>,
) {
    let apps = prepare(store);
    let one = vec![Arc::clone(&apps[0]); CONNECTIONS_OF_ONE];
    let server = start(files, store);
    for (asking, who, grant, goals) in [
        (
            Asking::ClientCredentials,
            &apps,
            "client_credentials",
            Some(GOAL),
        ),
        (
            Asking::ClientCredentials,
            &one,
            "client_credentials of one app",
            Some(GOAL),
        ),
        (Asking::Refresh, &apps, "refreshes", None),
    ] {
        let used = Used::now(&server, postgres);
        let rate = load(&server, who, asking);
        let used = Used::now(&server, postgres).since(&used);
        let goal = goals.map_or(Goal::None, Goal::Least);
        table.add(&format!("{grant}, {name}"), rate, "/s", goal);
        let goal = goals.map_or(Goal::None, |_| Goal::Most(GOAL_PROCESSOR));
        let each = (used.issuer + used.database) / used.tokens(rate);
        table.add("- processor time for each", each, "µs", goal);
        used.tell(table);
    }
    server.stop();
}

/// A store with a user and as many apps as there will be connections, without the minutes that many logins would take.
pub(crate) fn prepare(store: &str) -> Vec<Arc<App>> {
    with_store(store, async |store| {
        let now = SystemClock.now();
        let scopes = ["orders.read", "orders.write"].map(|name| ScopeName::parse(name).unwrap());
        for scope in &scopes {
            store.add_scope(scope, "for the report").await.unwrap();
        }
        let role = RoleName::parse("consumer").unwrap();
        assert!(store.extend_role(&role, &scopes).await.unwrap());
        let user = User {
            id: UserId::known("0f3c6a5e-6b57-4f0a-9d43-2f6f6f3f7a10"),
            username: Username::parse("alice").unwrap(),
            email: Email::parse("alice@shop.example").unwrap(),
            status: Status::Active,
            roles: vec![role],
            scopes: ScopeSet::default(),
            created_at: now,
            passkeys: 0,
            as_of: LogPosition::default(),
            revoked_through: LogPosition::default(),
        };
        // Nobody logs in as this user.
        store.add_user(&user, "*").await.unwrap();
        let mut apps = Vec::new();
        for number in 0..u8::try_from(CONNECTIONS).unwrap() {
            let secret = PlainSecret::from_random([number; 32]);
            let app = identity::App {
                key: AppKey::from_random([number; 16]),
                name: AppName::parse(&format!("web-shop-{number}")).unwrap(),
                description: AppDescription::default(),
                link: None,
                owner: user.id.clone(),
                redirect_uris: Vec::new(),
                scopes: scopes.iter().cloned().collect(),
                scopes_from: identity::ScopesFrom::List,
                status: AppStatus::Active,
                created_at: now,
                revoked_through: LogPosition::default(),
                last_used_at: None,
                secret_since: None,
            };
            store.add_app(&app, &secret.kept()).await.unwrap();
            apps.push(Arc::new(App {
                key: app.key.as_str().to_owned(),
                secret: secret.reveal().to_owned(),
            }));
        }
        apps
    })
}

/// All load comes from one address, which would be held up.
const WIDE: &str = "account_at_address: {burst: 10000, refill_seconds: 1}, \
                    account: {burst: 10000, refill_seconds: 1}, \
                    app_at_address: {burst: 10000, refill_seconds: 1}, \
                    app: {burst: 10000, refill_seconds: 1}, \
                    address: {burst: 10000, refill_seconds: 1}";

/// A gate with an issuer on this store, everything else at its default.
pub(crate) fn start(files: &Files, store: &str) -> Server {
    let config = with_issuer(files, store);
    Server::start(Kind::Portcullis(&config), &Under::Nothing)
}

/// The same with a feed, and its own gate trusts it; `name` is the configuration's file.
pub(crate) fn start_with_feed(files: &Files, store: &str, name: &str) -> Server {
    let text = std::fs::read_to_string(with_issuer(files, store)).unwrap();
    let listener = "listeners:\n  feed: {address: 127.0.0.1:0}\n";
    let path = files.path(name);
    let trusted = format!(
        "trust:\n  - {{issuer: \"{COMPANION}\", audiences: [{AUDIENCE}], algorithms: [ES256], \
         keys: companion}}\n"
    );
    let text = text.replace("listeners:\n", listener);
    std::fs::write(&path, text.replace("trust:\n", &trusted)).unwrap();
    Server::start(Kind::Portcullis(&path), &Under::Nothing)
}

/// The same with an administrator who has this password.
pub(crate) fn start_with_administrator(files: &Files, store: &str, password: &str) -> Server {
    let secret = files.path("admin-password");
    std::fs::write(&secret, password).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = std::fs::read_to_string(with_issuer(files, store)).unwrap();
    let path = files.path("pages.yaml");
    let key = format!("  admin_password_file: \"{}\"\n", secret.display());
    std::fs::write(&path, text + &key).unwrap();
    Server::start(Kind::Portcullis(&path), &Under::Nothing)
}

fn with_issuer(files: &Files, store: &str) -> PathBuf {
    let text = std::fs::read_to_string(files.config()).unwrap();
    let issuer = format!(
        "issuer:\n  url: {COMPANION}\n  address: 127.0.0.1:0\n  \
         audiences: [{AUDIENCE}]\n  store: \"{store}\"\n  throttle: {{{WIDE}}}\n"
    );
    let path = files.path("issuer.yaml");
    std::fs::write(&path, text + &issuer).unwrap();
    path
}

/// Answers a second.
fn load(server: &Server, apps: &[Arc<App>], asking: Asking) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let address = server.issuer.unwrap();
    let answered: usize = runtime.block_on(async {
        let begin = Instant::now() + WARM_UP;
        let end = begin + DURATION;
        let mut clients = JoinSet::new();
        for app in apps {
            let app = Arc::clone(app);
            clients.spawn(async move {
                let connection = Connection::open(address).await;
                connection.ask(&app, asking, begin, end).await
            });
        }
        clients.join_all().await.into_iter().sum()
    });
    answered as f64 / DURATION.as_secs_f64()
}

/// Processor time so far, in microseconds, of whoever takes part.
struct Used {
    at: Instant,
    /// Since the earlier one.
    elapsed: Duration,
    issuer: f64,
    load: f64,
    database: f64,
}

impl Used {
    fn now(server: &Server, postgres: Option<&Postgres>) -> Self {
        let database = postgres.map_or(Vec::new(), |postgres| children(main_process(postgres)));
        Self {
            at: Instant::now(),
            elapsed: Duration::ZERO,
            issuer: processor_time(server.id()),
            load: processor_time(std::process::id()),
            database: database.into_iter().map(processor_time).sum(),
        }
    }

    fn since(self, earlier: &Self) -> Self {
        Self {
            at: self.at,
            elapsed: self.at - earlier.at,
            issuer: self.issuer - earlier.issuer,
            load: self.load - earlier.load,
            database: self.database - earlier.database,
        }
    }

    /// How many tokens were made meanwhile, at this rate.
    fn tokens(&self, rate: f64) -> f64 {
        rate * self.elapsed.as_secs_f64()
    }

    fn tell(&self, table: &mut Table) {
        let elapsed = self.elapsed.as_secs_f64() * 1e6;
        let [issuer, load, database] =
            [self.issuer, self.load, self.database].map(|used| used / elapsed);
        let parts = format!("issuer {issuer:.2}, database {database:.2}, load {load:.2}");
        let total = issuer + load + database;
        table.detail("- processors used meanwhile", total, "cores", &parts);
    }
}

/// The process whose children serve the connections.
fn main_process(postgres: &Postgres) -> u32 {
    let text = std::fs::read_to_string(postgres.path().join("data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}
