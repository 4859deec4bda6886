//! A real Keycloak: started, furnished by its own administration API, and ended with its test.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{self, Answer};

const VERSION: &str = "26.7.3";
const PASSWORD: &str = "correct-horse";

/// Far more than it takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_mins(8);

/// A running Keycloak with an empty database in memory. Only one runs at a time.
pub(super) struct Keycloak {
    child: Child,
    address: SocketAddr,
    _lock: File,
}

impl Keycloak {
    /// A started Keycloak; nothing where it is not installed, which is told, unless `KEYCLOAK_HOME` demands
    /// it.
    pub(super) fn start() -> Option<Self> {
        let (home, java) = match installed().and_then(|home| Ok((home, java_home()?))) {
            Ok(found) => found,
            Err(missing) if std::env::var_os("KEYCLOAK_HOME").is_some() => {
                panic!("`KEYCLOAK_HOME` is set, and {missing}")
            }
            Err(missing) => {
                eprintln!("skipped: {missing}");
                return None;
            }
        };
        let lock = File::create(home.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let mut child = Command::new(home.join("bin/kc.sh"))
            .args(["start-dev", "--http-host=127.0.0.1", "--http-port=0"])
            .args(["--db=dev-mem", "--log-level=info"])
            .env("JAVA_HOME", java)
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", PASSWORD)
            // So that what the script starts ends with it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = lines(&mut child);
        let mut keycloak = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            _lock: lock,
        };
        keycloak.address = listening(&lines);
        Some(keycloak)
    }

    /// The issuer of a realm.
    pub(super) fn issuer(&self, realm: &str) -> String {
        format!("http://{}/realms/{realm}", self.address)
    }

    /// Asks the administration API, which has to agree.
    pub(super) async fn administer(&self, method: &str, path: &str, body: &Value) -> Value {
        let form =
            format!("grant_type=password&client_id=admin-cli&username=admin&password={PASSWORD}");
        let answer = self.post_form("master", "token", &form).await;
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let authorization = format!("authorization: Bearer {token}");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let head = ["content-type: application/json", &authorization];
        let path = format!("/admin/realms{path}");
        let answer = self.send(method, &path, &head, &body).await;
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    }

    /// Logs a user in by name and password.
    pub(super) async fn log_in(&self, realm: &str, client: &str, user: &str) -> Tokens {
        let form = format!(
            "grant_type=password&client_id={client}&username={user}&password={PASSWORD}&scope=openid"
        );
        let answer = self.post_form(realm, "token", &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Tokens(answer.json())
    }

    /// Gives a token to a service.
    pub(super) async fn client_credentials(&self, realm: &str, client: &str) -> Tokens {
        let form =
            format!("grant_type=client_credentials&client_id={client}&client_secret={PASSWORD}");
        let answer = self.post_form(realm, "token", &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Tokens(answer.json())
    }

    /// Ends the session of these tokens; returns the status of a refresh afterwards.
    pub(super) async fn log_out(&self, realm: &str, client: &str, tokens: &Tokens) -> u16 {
        let refresh = tokens.0["refresh_token"].as_str().unwrap();
        let form = format!("client_id={client}&refresh_token={refresh}");
        let answer = self.post_form(realm, "logout", &form).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        let form = format!("grant_type=refresh_token&{form}");
        self.post_form(realm, "token", &form).await.status
    }

    async fn post_form(&self, realm: &str, endpoint: &str, form: &str) -> Answer {
        let path = format!("/realms/{realm}/protocol/openid-connect/{endpoint}");
        let head = ["content-type: application/x-www-form-urlencoded"];
        self.send("POST", &path, &head, form).await
    }

    async fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        text.push_str(body);
        client::exchange(self.address, text.as_bytes()).await
    }
}

impl Drop for Keycloak {
    fn drop(&mut self) {
        // The whole group: while it starts, the script waits for a program that prepares it.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// What a client has got.
pub(super) struct Tokens(Value);

impl Tokens {
    pub(super) fn access(&self) -> &str {
        self.0["access_token"].as_str().unwrap()
    }

    pub(super) fn id(&self) -> &str {
        self.0["id_token"].as_str().unwrap()
    }
}

/// A user with the password of everybody.
pub(super) fn user(name: &str, more: &Value) -> Value {
    let mut user = json!({
        "username": name, "enabled": true, "email": format!("{name}@shop.example"),
        "firstName": name, "lastName": "Example",
        "credentials": [{"type": "password", "value": PASSWORD}],
    });
    user.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    user
}

/// A client that may get tokens for itself.
pub(super) fn service(name: &str, mappers: &Value) -> Value {
    json!({
        "clientId": name, "secret": PASSWORD, "serviceAccountsEnabled": true,
        "standardFlowEnabled": false, "protocolMappers": mappers,
    })
}

/// Where Keycloak is: what `KEYCLOAK_HOME` says, or what `make test-providers` has installed.
fn installed() -> Result<PathBuf, String> {
    let home = std::env::var_os("KEYCLOAK_HOME").map_or_else(
        || {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            root.join(format!(".tools/keycloak-{VERSION}"))
        },
        PathBuf::from,
    );
    if home.join("bin/kc.sh").exists() {
        return Ok(home);
    }
    let home = home.display();
    Err(format!(
        "there is no Keycloak in `{home}` (`make test-providers` installs it)"
    ))
}

/// The newest JDK, unless `JAVA_HOME` names one that is new enough.
fn java_home() -> Result<PathBuf, String> {
    const OLDEST: u32 = 21;
    let named = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let folders = std::fs::read_dir("/usr/lib/jvm").into_iter().flatten();
    let folders = folders.flatten().map(|entry| entry.path());
    let versions = folders.filter_map(|path| Some((version(&path)?, path)));
    let newest = versions.max().map(|(_, path)| path);
    let candidates = named.into_iter().chain(newest);
    let mut usable =
        candidates.filter(|path| version(path).is_some_and(|version| version >= OLDEST));
    let missing = || "no JDK of version 21 or newer was found for Keycloak: set `JAVA_HOME`";
    usable.next().ok_or_else(|| missing().to_owned())
}

/// The major version of a JDK, from its file `release`.
fn version(home: &Path) -> Option<u32> {
    let release = std::fs::read_to_string(home.join("release")).ok()?;
    let (_, rest) = release.split_once("JAVA_VERSION=\"")?;
    rest.split(['.', '"']).next()?.parse().ok()
}

fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    let output = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        // It reads to the end, so that the program never waits for a reader.
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// Waits for the line that tells the address.
fn listening(lines: &Receiver<String>) -> SocketAddr {
    let mut told = Vec::new();
    loop {
        let Ok(line) = lines.recv_timeout(PATIENCE) else {
            panic!("Keycloak does not start: {}", told.join("\n"));
        };
        if let Some((_, rest)) = line.split_once("Listening on: http://") {
            let address = rest.split_whitespace().next().unwrap();
            return address.trim_end_matches('.').parse().unwrap();
        }
        told.push(line);
    }
}
