//! Instructions per check over the whole server process, and allocations.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use crate::client::{Expected, Load};
use crate::counting::{Counted, Lengths, per_check, per_turn};
use crate::fixture::{Files, Issuer};
use crate::loops;
use crate::message::{self, HeaderForm, Template};
use crate::server::Kind;
use crate::table::{Goal, Table};

pub(crate) const INSTRUCTIONS: Counted = Counted::Instructions;
const ALLOCATIONS: Counted = Counted::Allocations;

/// For checks.
pub(crate) const CHECKS: Lengths = Lengths {
    short: 2_000,
    long: 12_000,
};
/// For checks that cost a signature, and for counts that do not vary.
pub(crate) const FEWER: Lengths = Lengths {
    short: 500,
    long: 2_500,
};
/// For checks whose messages are large, each of them another one.
const LARGE: Lengths = Lengths {
    short: 100,
    long: 500,
};
/// For single calls.
pub(crate) const CALLS: Lengths = Lengths {
    short: 1_000,
    long: 11_000,
};

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, issuer: &Issuer, files: &Files) {
    let config = files.config();
    let gate = Kind::Portcullis(&config);
    for (form, in_flight, name) in [
        (HeaderForm::Listed, 1, "header list, 1 in flight"),
        (HeaderForm::Listed, 32, "header list, 32 in flight"),
        (HeaderForm::Merged, 1, "header map, 1 in flight"),
    ] {
        let load = cached(issuer, form, in_flight);
        let of = per_check(INSTRUCTIONS, Kind::NoOp, &load, CHECKS, files);
        table.add(&format!("no-op server, {name}"), of, "instr", Goal::None);
        let value = per_check(INSTRUCTIONS, gate, &load, CHECKS, files);
        let goal = Goal::Ratio { of, most: 0.65 };
        table.add(
            &format!("cached proof and scope, {name}"),
            value,
            "instr",
            goal,
        );
        if (form, in_flight) == (HeaderForm::Listed, 1) {
            signatures(table, issuer, files, of);
            let value = per_check(INSTRUCTIONS, gate, &public(), CHECKS, files);
            let goal = Goal::Scale { of };
            table.add("public route without token", value, "instr", goal);
        }
    }
    let value = per_turn(INSTRUCTIONS, loops::GATE, CALLS, files);
    table.add(
        "`Gate::check` alone, cached proof",
        value,
        "instr",
        Goal::None,
    );
    conditions(table, files);
    large_tokens(table, issuer, files);
    allocations(table, issuer, files);
}

/// What it costs to compare a claim with a parameter of the path.
fn conditions(table: &mut Table, files: &Files) {
    let of = per_turn(INSTRUCTIONS, loops::GATE_USER, CALLS, files);
    table.add("- of a path that names the caller", of, "instr", Goal::None);
    let value = per_turn(INSTRUCTIONS, loops::GATE_OWNER, CALLS, files);
    let goal = Goal::Ratio { of, most: 1.15 };
    table.add("- where a condition compares the two", value, "instr", goal);
}

/// Tokens as large as they come: that of a user with many roles, and the largest that can be accepted.
fn large_tokens(table: &mut Table, issuer: &Issuer, files: &Files) {
    let config = files.config_for_large_tokens();
    let gate = Kind::Portcullis(&config);
    let roles: Vec<String> = (0..450)
        .map(|number| format!("orders.region-{number:03}.read"))
        .collect();
    // Base64url makes four characters of three bytes; header and the other claims take the rest.
    let padding = "~".repeat(60 * 1024 / 4 * 3 - 500);
    let claims = [
        ("with 450 roles", ("roles", json!(roles))),
        ("of 60 KiB", ("note", json!(padding))),
    ];
    for (name, claim) in claims {
        let load = repeated(message::with_token(&issuer.token_with(0, claim.clone())), 1);
        let value = per_check(INSTRUCTIONS, gate, &load, FEWER, files);
        let row = format!("cached proof, token {name}");
        table.add(&row, value, "instr", Goal::None);
        let messages: Vec<Bytes> = (0..LARGE.long + 1_000)
            .map(|number| message::with_token(&issuer.token_with(number, claim.clone())))
            .collect();
        let load = Load {
            message: Arc::new(move |number: usize| messages[number].clone()),
            in_flight: 1,
            expected: Expected::Allowed,
        };
        let value = per_check(INSTRUCTIONS, gate, &load, LARGE, files);
        let row = format!("uncached ES256, token {name}");
        table.add(&row, value, "instr", Goal::None);
    }
}

/// Every check with a token that was not seen before.
fn signatures(table: &mut Table, issuer: &Issuer, files: &Files, no_op: f64) {
    let bare = per_turn(INSTRUCTIONS, loops::VERIFY_BARE, FEWER, files);
    table.add("ES256 by aws-lc-rs alone", bare, "instr", Goal::None);
    let value = per_turn(INSTRUCTIONS, loops::VERIFY_JSONWEBTOKEN, FEWER, files);
    table.add("ES256 by jsonwebtoken alone", value, "instr", Goal::None);
    let config = files.config();
    let load = uncached(issuer);
    let value = per_check(INSTRUCTIONS, Kind::Portcullis(&config), &load, FEWER, files);
    let goal = Goal::Ratio {
        of: bare + no_op,
        most: 1.1,
    };
    table.add("uncached ES256, against bare + no-op", value, "instr", goal);
}

fn allocations(table: &mut Table, issuer: &Issuer, files: &Files) {
    let load = cached(issuer, HeaderForm::Listed, 1);
    let config = files.config();
    let of = per_check(ALLOCATIONS, Kind::NoOp, &load, FEWER, files);
    table.add("allocations, no-op server", of, "alloc", Goal::None);
    let value = per_check(ALLOCATIONS, Kind::Portcullis(&config), &load, FEWER, files);
    table.add(
        "allocations, cached proof and scope",
        value,
        "alloc",
        Goal::Scale { of },
    );
    let value = per_turn(ALLOCATIONS, loops::GATE, CALLS, files);
    table.add(
        "allocations of `Gate::check`, with the answer",
        value,
        "alloc",
        Goal::Most(8.0),
    );
}

/// One token, again and again.
pub(crate) fn cached(issuer: &Issuer, form: HeaderForm, in_flight: usize) -> Load {
    repeated(
        Template::with_token(form).message(&issuer.token(0)),
        in_flight,
    )
}

fn public() -> Load {
    repeated(Template::without_token(HeaderForm::Listed).message(""), 1)
}

fn repeated(message: Bytes, in_flight: usize) -> Load {
    Load {
        message: Arc::new(move |_| message.clone()),
        in_flight,
        expected: Expected::Allowed,
    }
}

pub(crate) fn uncached(issuer: &Issuer) -> Load {
    let template = Template::with_token(HeaderForm::Listed);
    let messages: Vec<Bytes> = (0..FEWER.long + 1_000)
        .map(|number| template.message(&issuer.token(number)))
        .collect();
    let message = Arc::new(move |number: usize| messages[number].clone());
    Load {
        message,
        in_flight: 1,
        expected: Expected::Allowed,
    }
}
