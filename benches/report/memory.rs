//! Resident memory as a sidecar: idle, and under floods of different tokens.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use crate::client::{Client, Expected, Load};
use crate::fixture::{Files, ISSUER, Issuer, KEY_ID};
use crate::message::{HeaderForm, Template};
use crate::process::resident_memory;
use crate::server::{Kind, Server, Under};
use crate::table::{Goal, Table};

const BAD_TOKENS: usize = 1_000_000;
const GOOD_TOKENS: usize = 200_000;
const IN_FLIGHT: usize = 64;

/// What the cache may hold at its default, in megabytes.
const CACHE: f64 = 33.6;

/// The cache's bound is an estimate of what the proofs take; the allocator takes more.
const FACTOR: f64 = 1.5;

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, issuer: &Issuer, files: &Files) {
    let config = files.config();
    let server = Server::start(Kind::Portcullis(&config), &Under::Nothing);
    let idle = resident_memory(server.id());
    table.add("resident memory, idle", idle, "MB", Goal::Most(20.0));
    send(&server, &bad(issuer), BAD_TOKENS);
    let value = resident_memory(server.id());
    table.add(
        "after a million bad tokens",
        value,
        "MB",
        Goal::Most(idle + 10.0),
    );
    send(&server, &good(issuer, 0), GOOD_TOKENS);
    let full = resident_memory(server.id());
    table.add(
        "after 200,000 good tokens",
        full,
        "MB",
        Goal::Most(idle + 10.0 + CACHE * FACTOR),
    );
    send(&server, &good(issuer, GOOD_TOKENS), GOOD_TOKENS);
    let value = resident_memory(server.id());
    table.add(
        "after 200,000 others",
        value,
        "MB",
        Goal::Ratio {
            of: full,
            most: 1.1,
        },
    );
    server.stop();
}

fn send(server: &Server, load: &Load, count: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        Client::connect(server.address)
            .await
            .run(load, 0..count)
            .await;
    });
}

fn good(issuer: &Issuer, first: usize) -> Load {
    let template = Template::with_token(HeaderForm::Listed);
    let numbers = first..first + GOOD_TOKENS;
    let tokens: Vec<String> = numbers.map(|number| issuer.token(number)).collect();
    load(Expected::Allowed, move |number| {
        template.message(&tokens[number])
    })
}

/// Eight kinds of wrong token in turn, every one of them different.
fn bad(issuer: &Issuer) -> Load {
    let template = Template::with_token(HeaderForm::Listed);
    let signed = issuer.signed_part(0, KEY_ID, ISSUER);
    let unknown_key = issuer.signed_part(0, "2019-01-retired", ISSUER);
    let unknown_issuer = issuer.signed_part(0, KEY_ID, "https://id.sh0p.example");
    load(Expected::Refused, move |number| {
        let token = match number % 8 {
            0 => signature(&signed, number),
            1 => signature(&unknown_key, number),
            2 => signature(&unknown_issuer, number),
            3 => signature(&signed, number).replace("Wlo", "==="),
            4 => format!("{}..{number:0>348}", &signed[..200]),
            5 => format!("eyJhbGciOiJub25lIn0.{number:0>530}"),
            6 => format!("{}{number:!>150}", &signed[..400]),
            _ => format!("{number:0>550}"),
        };
        template.message(&token)
    })
}

/// A signature of the right form that nobody made.
fn signature(signed: &str, number: usize) -> String {
    let mut signature = [0x5a; 64];
    signature[..8].copy_from_slice(&number.to_le_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn load(expected: Expected, message: impl Fn(usize) -> Bytes + Send + Sync + 'static) -> Load {
    Load {
        message: Arc::new(message),
        in_flight: IN_FLIGHT,
        expected,
    }
}
