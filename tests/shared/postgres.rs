//! A private PostgreSQL in a temporary folder, on a Unix socket alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Where Debian puts the newest first.
const VERSIONS: [&str; 4] = ["18", "17", "16", "15"];

/// Who runs it where the tests run as root, which PostgreSQL refuses.
const UNPRIVILEGED: &str = "postgres";

/// A running cluster; it ends when it is dropped.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    /// Further ones of the server.
    options: String,
}

impl Postgres {
    /// Starts a cluster; none where PostgreSQL is not installed, which is told.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("-c listen_addresses=''", |_| {})
    }

    /// With these options of the server, and with what `prepare` puts into the folder.
    pub(crate) fn start_with(options: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let folders = VERSIONS.map(|version| format!("/usr/lib/postgresql/{version}/bin"));
        let programs = folders
            .iter()
            .map(PathBuf::from)
            .find(|path| path.join("initdb").exists());
        let Some(programs) = programs else {
            eprintln!("skipped: PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let options = options.to_owned();
        let cluster = Self {
            programs,
            folder,
            options,
        };
        if is_root() {
            let owned = Command::new("chown")
                .args(["-R", UNPRIVILEGED])
                .arg(cluster.path())
                .status();
            assert!(owned.unwrap().success());
        }
        let data = cluster.path().join("data");
        cluster.run(
            "initdb",
            &["-U", "test", "-A", "trust", "-E", "UTF8", "-D", text(&data)],
        );
        cluster.resume();
        Some(cluster)
    }

    /// The URL of a new, empty database.
    pub(crate) fn database(&self, name: &str) -> String {
        let socket = self.path().display().to_string();
        self.run("createdb", &["-h", &socket, "-U", "test", name]);
        format!("postgres://test@localhost/{name}?host={socket}")
    }

    /// Ends it as a loss of power does: nothing is written any more.
    pub(crate) fn crash(&self) {
        let data = self.path().join("data");
        self.run("pg_ctl", &["-m", "immediate", "-D", text(&data), "stop"]);
    }

    /// Starts it again after a crash.
    pub(crate) fn resume(&self) {
        let data = self.path().join("data");
        let options = format!("-k {} {}", self.path().display(), self.options);
        let log = self.path().join("log");
        let data = text(&data);
        self.run(
            "pg_ctl",
            &["-w", "-D", data, "-l", text(&log), "-o", &options, "start"],
        );
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs one of its programs.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", UNPRIVILEGED, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let done = command
            .args(arguments)
            .current_dir("/")
            .stdout(Stdio::null())
            .status();
        assert!(done.unwrap().success(), "{command:?}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may have crashed already.
        if self.path().join("data/postmaster.pid").exists() {
            self.crash();
        }
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
