//! `make bench`: measures the budgets of the design in one run and prints one table.
//!
//! `cargo bench --bench report` measures everything; `-- instructions memory` only those parts.
//! The binary also plays the parts that are measured beside the gate: the server that answers
//! nothing but OK, and loops over single calls. See `README.md` beside this folder.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a report that cannot be made ends with a panic, and its figures are small"
)]

mod client;
mod counting;
#[cfg(feature = "issuer")]
mod crowd;
mod envoy;
#[path = "../../tests/shared/es256.rs"]
mod es256;
#[cfg(feature = "issuer")]
mod feed;
mod fixture;
#[cfg(feature = "issuer")]
mod flood;
mod instructions;
#[cfg(feature = "issuer")]
mod issuing;
mod lookup;
mod loops;
mod machine;
mod memory;
mod message;
mod no_op;
#[cfg(feature = "issuer")]
mod pages;
#[cfg(feature = "issuer")]
#[path = "../../tests/shared/postgres.rs"]
mod postgres;
mod process;
mod processor;
#[cfg(feature = "issuer")]
mod propagation;
#[cfg(feature = "issuer")]
mod revocations;
mod server;
mod table;
#[cfg(feature = "issuer")]
mod token_client;

use fixture::{Files, Issuer};
use table::Table;

/// A part of the report: its name and what measures it.
type Part = (&'static str, fn(&mut Table, &Issuer, &Files));

const PARTS: &[Part] = &[
    ("instructions", instructions::measure),
    ("lookup", lookup::measure),
    ("memory", memory::measure),
    ("processor", processor::measure),
    ("envoy", envoy::measure),
    #[cfg(feature = "issuer")]
    ("issuer", issuing::measure),
    #[cfg(feature = "issuer")]
    ("crowd", crowd::measure),
    #[cfg(feature = "issuer")]
    ("flood", flood::measure),
    #[cfg(feature = "issuer")]
    ("pages", pages::measure),
    #[cfg(feature = "issuer")]
    ("revocations", revocations::measure),
    #[cfg(feature = "issuer")]
    ("propagation", propagation::measure),
];

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|text| text != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["no-op"] => no_op::serve(),
        ["no-op-on-one-thread"] => no_op::serve_on_one_thread(),
        ["loop", name, turns] => loops::run(name, turns.parse().unwrap()),
        _ => report(&words),
    }
}

fn report(wanted: &[&str]) {
    let issuer = Issuer::new();
    let files = Files::write(&issuer);
    let mut table = Table::default();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.contains(name) {
            measure(&mut table, &issuer, &files);
        }
    }
    table.print();
    println!("\n{}", machine::description());
}
