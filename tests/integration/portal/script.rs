//! `make portal`, as somebody runs it who wants to look around.

use std::io::{BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use crate::client::get;

/// A child that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_portal_runs_until_it_is_interrupted() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/portal");
    let child = Command::new(script)
        .args([env!("CARGO_BIN_EXE_portcullis"), "--port", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = Ended(child.unwrap());
    let mut output = BufReader::new(child.0.stdout.take().unwrap());
    let started = tokio::task::spawn_blocking(move || {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap() == 0 || line.contains("Ctrl-C") {
                return (lines, output);
            }
            lines.push(line);
        }
    });
    let (lines, mut output) = started.await.unwrap();
    let address = lines
        .iter()
        .find_map(|line| line.trim().strip_prefix("http://localhost:"));
    let port = address.unwrap_or_else(|| panic!("{lines:?}"));
    let address = (Ipv4Addr::LOCALHOST, port.parse().unwrap()).into();
    let start = get(address, "/", &[]).await;
    assert_eq!(start.status, 200, "{start:?}");
    assert!(start.body.contains("Shop API"), "{start:?}");

    let pid = child.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let status = child.0.wait().unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(status.success(), "{rest}");
    assert!(rest.contains("ended"), "{rest}");
}
