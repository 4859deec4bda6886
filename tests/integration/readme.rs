//! The pages with commands run as printed: their shell blocks in their order, in one shell, each page from the
//! checkout, with the built binary and the real Envoy. What a page prints as output is what comes out on standard
//! output, but for what differs from run to run: ids, keys, dates and times.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::envoy_process;

/// The pages whose commands are run, in this order, and the one with the sample of a log line.
const PAGES: [&str; 7] = [
    "README.md",
    "docs/tour.md",
    "docs/walk.md",
    "docs/trying.md",
    "docs/issuer.md",
    "docs/feed.md",
    "docs/operations.md",
];

/// The shell blocks of these pages that are not run, by their first line, as the pages mark them.
const NOT_RUN: [(&str, &str); 2] = [
    ("make demo", "builds"),
    (
        "kubectl -n portcullis port-forward deployment/portcullis-gate 9194 &",
        "needs a cluster",
    ),
];

/// The commands that must fail, by how they begin.
const FAILING: [&str; 4] = [
    "portcullis check wrong.yaml",
    "portcullis check wrong.yaml",
    "portcullis explain GET",
    "portcullis explain --decision",
];

/// All ports that the pages name, where it has to share them with the rest of the machine.
const PORTS: [u16; 9] = [3000, 8080, 9191, 9193, 9194, 9291, 9294, 9901, 10000];

/// Far more than the tours take, in seconds; it only turns a hang into a failure.
const PATIENCE: &str = "300";

/// Brings up the loopback interface of a new network namespace, without needing iproute2.
const LOOPBACK_UP: &str = "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, \
                           struct.pack('16sh', b'lo', 0x41))";

/// A network and process ids of its own: the fixed ports collide with nobody's, and whatever the tours leave
/// behind ends with them.
const NAMESPACES: [&str; 5] = [
    "--map-root-user",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
];

/// A fenced block.
struct Block<'r> {
    page: &'r str,
    /// The number of the line with its fence.
    line: usize,
    language: &'r str,
    text: String,
    /// The comment right before it.
    comment: Option<&'r str>,
    /// Whether only blank lines are between it and the block before.
    follows: bool,
}

fn blocks<'r>(page: &'r str, text: &'r str) -> Vec<Block<'r>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    let (mut comment, mut follows) = (None, false);
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line);
            let inside: Vec<&str> = inside.take_while(|line| *line != "```").collect();
            blocks.push(Block {
                page,
                line: number + 1,
                language,
                text: inside.join("\n") + "\n",
                comment: comment.take(),
                follows,
            });
            follows = true;
            continue;
        }
        let text = line.strip_prefix("<!-- ");
        comment = text.and_then(|text| text.strip_suffix(" -->"));
        follows &= line.is_empty();
    }
    blocks
}

/// A shell block that is run, and its output where that is printed.
struct Step<'r> {
    block: &'r Block<'r>,
    output: Option<&'r Block<'r>>,
}

fn steps<'r>(blocks: &'r [Block<'r>]) -> Vec<Step<'r>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut not_run = Vec::new();
    let mut last_ran = false;
    for block in blocks {
        match block.language {
            "sh" => {
                let reason = block
                    .comment
                    .and_then(|text| text.strip_prefix("not run: "));
                last_ran = reason.is_none();
                match reason {
                    Some(reason) => not_run.push((first_words(&block.text), reason)),
                    None => steps.push(Step {
                        block,
                        output: None,
                    }),
                }
            }
            "text" => {
                assert!(
                    block.follows && last_ran,
                    "{}:{}: output of nothing",
                    block.page,
                    block.line
                );
                steps.last_mut().unwrap().output = Some(block);
                last_ran = false;
            }
            _ => last_ran = false,
        }
    }
    assert_eq!(not_run, NOT_RUN, "blocks that are marked as not run");
    steps
}

/// The first line without its comment.
fn first_words(text: &str) -> &str {
    let line = text.lines().next().unwrap();
    line.split("  ").next().unwrap()
}

/// One script: each page from the checkout, each block with output of its own, and a note of each command that
/// fails.
fn script(steps: &[Step], notes: &Path) -> String {
    let notes = notes.display();
    let mut script = format!(
        "checkout=$PWD\n\
         exec 3> '{notes}/failed'\n\
         trap 'code=$?; echo \"$BASH_COMMAND\" exited with $code >&3' ERR\n\
         trap 'trap - ERR; left=$(jobs -rp); [ -z \"$left\" ] || kill $left' EXIT\n"
    );
    let mut page = "";
    for (number, step) in steps.iter().enumerate() {
        let text = &step.block.text;
        if step.block.page != page {
            page = step.block.page;
            script.push_str("cd \"$checkout\"\n");
        }
        writeln!(
            script,
            "{{\n{text}}} > '{notes}/{number}.out' 2> '{notes}/{number}.err'"
        )
        .unwrap();
    }
    script + &format!("jobs -rp > '{notes}/left'\ntouch '{notes}/ended'\n")
}

/// Holds the machine's ports against another run of this test.
fn lock_ports() -> File {
    let path = std::env::temp_dir().join("portcullis-readme.lock");
    let lock = File::create(path).unwrap();
    lock.lock().unwrap();
    for port in PORTS {
        let bound = TcpListener::bind(("127.0.0.1", port));
        assert!(
            bound.is_ok(),
            "port {port} of the README is in use, and there are no namespaces here"
        );
    }
    lock
}

/// Runs bash on `script`, in namespaces of its own where they are allowed.
fn run(script: &Path, checkout: &Path, temporary: &Path) {
    let allowed = Command::new("unshare")
        .args(NAMESPACES)
        .arg("true")
        .output();
    let allowed = allowed.is_ok_and(|output| output.status.success());
    let _lock = (!allowed).then(lock_ports);
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", PATIENCE]);
    if allowed {
        let up = format!("python3 -c \"{LOOPBACK_UP}\" && exec bash \"$0\"");
        command
            .arg("unshare")
            .args(NAMESPACES)
            .args(["bash", "-c", &up]);
    } else {
        command.arg("bash");
    }
    let variables = std::env::vars_os().map(|(name, _)| name);
    for name in variables.filter(|name| name.to_string_lossy().starts_with("PORTCULLIS_")) {
        command.env_remove(name);
    }
    let ended = command
        .arg(script)
        .current_dir(checkout)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    eprintln!("the tours ended: {:?}", ended.unwrap());
}

/// What the README takes for the checkout: samples, scripts, and the binary where cargo puts it.
fn checkout(folder: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binary = Path::new(env!("CARGO_BIN_EXE_portcullis"));
    let checkout = folder.join("checkout");
    fs::create_dir_all(checkout.join("target")).unwrap();
    symlink(binary.parent().unwrap(), checkout.join("target/debug")).unwrap();
    symlink(root.join("scripts"), checkout.join("scripts")).unwrap();
    fs::create_dir(checkout.join("config")).unwrap();
    for name in ["policy.yaml", "policy.test.yaml", "portcullis.yaml"] {
        fs::copy(
            root.join("config").join(name),
            checkout.join("config").join(name),
        )
        .unwrap();
    }
    // Other tests may hold the gate up for longer than a proxy should wait.
    let envoy = fs::read_to_string(root.join("config/envoy.yaml")).unwrap();
    let patient = envoy.replace(" 0.25s", " 10s");
    assert_ne!(patient, envoy);
    fs::write(checkout.join("config/envoy.yaml"), patient).unwrap();
    checkout
}

#[test]
fn the_tours_of_the_readme_run_as_printed() {
    envoy_process::install();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["notes", "tours"] {
        fs::create_dir(path(name)).unwrap();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = PAGES.map(|page| fs::read_to_string(root.join(page)).unwrap());
    let pages = PAGES.iter().zip(&texts);
    let blocks: Vec<Block> = pages.flat_map(|(page, text)| blocks(page, text)).collect();
    let steps = steps(&blocks);
    fs::write(path("script"), script(&steps, &path("notes"))).unwrap();
    run(&path("script"), &checkout(folder.path()), &path("tours"));

    let note = |name: String| fs::read_to_string(path("notes").join(name)).unwrap_or_default();
    for (number, step) in steps.iter().enumerate() {
        let place = format!("{}:{}", step.block.page, step.block.line);
        let (out, err) = (note(format!("{number}.out")), note(format!("{number}.err")));
        eprintln!(
            "--- {place}\n{}--- out\n{out}--- err\n{err}",
            step.block.text
        );
        if let Some(output) = step.output {
            let (got, printed) = (lasting(&out), lasting(&output.text));
            assert_eq!(
                got, printed,
                "the output of the block at {place} is another"
            );
        }
    }
    assert!(
        path("notes/ended").exists(),
        "the tours did not come to their end"
    );
    let failed = note("failed".to_owned());
    for line in failed.lines() {
        let expected = FAILING.iter().any(|command| line.starts_with(command));
        assert!(expected, "{line}");
    }
    assert_eq!(failed.lines().count(), FAILING.len(), "{failed}");
    assert_eq!(
        note("left".to_owned()),
        "",
        "processes that the tours did not stop"
    );
    the_log_is_as_shown(&blocks, &path("tours"));
}

/// The sample of a log line has the fields of the line that the first tour has led to.
fn the_log_is_as_shown(blocks: &[Block], tours: &Path) {
    let fields = |line: &str| -> BTreeSet<String> {
        let line: Value = serde_json::from_str(line).unwrap();
        line.as_object().unwrap().keys().cloned().collect()
    };
    let shown = blocks
        .iter()
        .find(|block| block.language == "json")
        .unwrap();
    let folders = fs::read_dir(tours)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let logs = folders.filter_map(|folder| fs::read_to_string(folder.join("gate.log")).ok());
    let logs: String = logs.collect();
    let refused = logs
        .lines()
        .find(|line| line.contains("\"place-order\""))
        .unwrap();
    assert_eq!(fields(refused), fields(&shown.text));
}

/// The text with a mark for everything that another run writes otherwise.
fn lasting(text: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.starts_with("date: ") {
            return "date: <date>".to_owned();
        }
        without_age(&without_instants(&without_ids(line.trim_end())))
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim_end().to_owned()
}

/// Random ids, keys, passwords, and seconds since 1970.
fn without_ids(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut kept = String::new();
    for piece in line.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        let hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mixed = word.bytes().any(|byte| byte.is_ascii_uppercase())
            && word.bytes().any(|byte| byte.is_ascii_lowercase());
        let mark = match word.len() {
            10 if digits(word) => "<seconds>",
            16 if hexadecimal => "<id>",
            22 | 43 if mixed => "<id>",
            _ => word,
        };
        kept.push_str(mark);
        kept.push_str(&piece[word.len()..]);
    }
    kept
}

/// `2026-11-23T23:58:53Z`, and how far away that is.
fn without_instants(line: &str) -> String {
    let is_instant =
        |word: &str| word.len() == 20 && word.as_bytes()[10] == b'T' && word.ends_with('Z');
    let Some(start) =
        (0..line.len()).find(|&start| line.get(start..start + 20).is_some_and(is_instant))
    else {
        return line.to_owned();
    };
    let closing = if line.ends_with(')') { ")" } else { "" };
    format!("{}<instant>{closing}", &line[..start])
}

fn without_age(line: &str) -> String {
    let Some((before, after)) = line.split_once("\"age_seconds\":") else {
        return line.to_owned();
    };
    let (_, rest) = after.split_once(',').unwrap();
    format!("{before}\"age_seconds\":<age>,{rest}")
}

#[test]
fn what_lasts_is_compared_and_the_rest_is_not() {
    let rows = [
        ("token 4ksCb5fbaCDG0XIELgKHnF.", "token <id>."),
        (
            r#"{"decision_id":"e8def4b7417de105"}"#,
            r#"{"decision_id":"<id>"}"#,
        ),
        (
            "exp: 1795478333  (2026-11-23T23:58:53Z, in 1 hour)",
            "exp: <seconds>  (<instant>)",
        ),
        ("date: Mon, 23 Nov 2026 22:58:53 GMT", "date: <date>"),
        (
            r#""age_seconds":0.9,"connections":1"#,
            r#""age_seconds":<age>,"connections":1"#,
        ),
        (
            "error=\"insufficient_scope\" 401\r",
            "error=\"insufficient_scope\" 401",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(lasting(text), expected);
    }
    let digest =
        "ok: 7 routes, digest ad70be0cc74a938995ce3ac3adefced86c6cc72c19c4883ebdd7f52d484287e2";
    assert_eq!(lasting(digest), digest);
}

/// The demo ends well, says what it is about to do and what to do next, and fits into 110 columns.
#[test]
fn the_demo_shows_what_it_promises() {
    envoy_process::install();
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo");
    let output = Command::new("timeout")
        .args([
            "--kill-after=10",
            PATIENCE,
            demo,
            env!("CARGO_BIN_EXE_portcullis"),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.starts_with("Shows Portcullis behind a real Envoy. Takes "),
        "{text}"
    );
    assert!(text.contains("\nWhat to try next:\n"), "{text}");
    assert!(
        text.lines()
            .any(|line| line.starts_with("  ok  GET /orders/1 ")),
        "{text}"
    );
    let paths_apart = text
        .lines()
        .filter(|line| !line.contains(" check config/policy.yaml"));
    let widest = paths_apart.max_by_key(|line| line.chars().count()).unwrap();
    assert!(widest.chars().count() <= 110, "{widest}");
}
