//! `portcullis diff`, held against what a solver says of the same policies.

use std::path::{Path, PathBuf};
use std::process::Command;

/// How many pairs of policies are compared unless `DIFF_PAIRS` says otherwise: as many as take some twenty seconds.
/// `make diff-by-solver` compares 2,000.
const PAIRS: &str = "100";

#[test]
fn a_solver_says_the_same_of_two_policies_as_diff() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = Command::new(root.join("scripts/install-z3"))
        .output()
        .unwrap();
    let complained = String::from_utf8_lossy(&installed.stderr);
    assert!(installed.status.success(), "{complained}");
    let python = PathBuf::from(String::from_utf8(installed.stdout).unwrap().trim());
    let pairs = std::env::var("DIFF_PAIRS").unwrap_or_else(|_| PAIRS.to_owned());
    let compared = Command::new(python)
        .arg(root.join("tests/second_opinion/diff.py"))
        .arg(env!("CARGO_BIN_EXE_portcullis"))
        .args(["--pairs", &pairs])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&compared.stdout);
    let complained = String::from_utf8_lossy(&compared.stderr);
    assert!(compared.status.success(), "{said}\n{complained}");
    // It has compared as many as it should.
    assert!(said.starts_with(&format!("{pairs} pairs ")), "{said}");
    eprintln!("{said}");
}
