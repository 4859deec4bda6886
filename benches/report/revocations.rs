//! What revocations cost a gate: instructions with one and with a million of them, memory, and
//! checks a second while they come in.

use std::time::Instant;

use crate::client::{Client, Load};
use crate::counting::{per_check, per_turn};
use crate::feed::Feed;
use crate::fixture::{Files, Issuer};
use crate::instructions::{CALLS, CHECKS, FEWER, INSTRUCTIONS, cached, uncached};
use crate::loops;
use crate::message::HeaderForm;
use crate::process::{processor_time, resident_memory};
use crate::processor::median;
use crate::server::{Kind, Server, Under};
use crate::table::{Goal, Table};

const MANY: u64 = 1_000_000;

/// How much more than with one entry still counts as flat: a shard is searched by halves.
const FLAT: f64 = 1.1;

/// With and without revocations take turns, so that what else the machine does falls on both.
const ROUNDS: usize = 9;
const CHECKS_PER_ROUND: usize = 40_000;
const WARM_UP: usize = 5_000;
const IN_FLIGHT: usize = 32;
const REVOCATIONS_PER_SECOND: u64 = 1_000;

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, issuer: &Issuer, files: &Files) {
    library(table, files);
    let feeds = [(1, "1 entry"), (MANY, "1,000,000 entries")]
        .map(|(entries, name)| (Feed::start(issuer, entries), name));
    memory(table, files, &feeds);
    arriving(table, issuer, files, &feeds[1].0);
    whole_server(table, issuer, files, &feeds);
}

/// `Gate::check` alone, whose list is filled before what is counted.
fn library(table: &mut Table, files: &Files) {
    let mut one = None;
    for (entries, name) in [(0, "none"), (1, "1"), (MANY, "1,000,000")] {
        let loop_name = format!("{}{entries}", loops::GATE_LISTING);
        let value = per_turn(INSTRUCTIONS, &loop_name, CALLS, files);
        let goal = one.map_or(Goal::None, |of| Goal::Ratio { of, most: FLAT });
        table.add(
            &format!("`Gate::check`, revocations listed: {name}"),
            value,
            "instr",
            goal,
        );
        if entries == 1 {
            one = Some(value);
        }
    }
}

/// A gate that got its list through the feed.
fn memory(table: &mut Table, files: &Files, feeds: &[(Feed, &str); 2]) {
    let [few, many] = [0, 1].map(|number: usize| {
        let config = feeds[number].0.gate_config(files);
        let server = Server::start(Kind::Portcullis(&config), &Under::Nothing);
        let memory = resident_memory(server.id());
        server.stop();
        memory
    });
    table.add("resident memory, 1 entry", few, "MB", Goal::None);
    table.add("resident memory, 1,000,000 entries", many, "MB", Goal::None);
    let each = (many - few) * 1e6 / MANY as f64;
    table.add("- resident, per entry", each, "bytes", Goal::None);
}

fn arriving(table: &mut Table, issuer: &Issuer, files: &Files, feed: &Feed) {
    let config = feed.gate_config(files);
    let server = Server::start(Kind::Portcullis(&config), &Under::Nothing);
    let load = cached(issuer, HeaderForm::Listed, IN_FLIGHT);
    // For each of quiet and arriving: checks a second, and processor time per check.
    let mut rounds = [(); 2].map(|()| (Vec::new(), Vec::new()));
    let subscribed = feed.statistics();
    for round in 0..ROUNDS * 2 {
        let (rates, times) = &mut rounds[round % 2];
        let revoking = (round % 2 == 1).then(|| feed.revoke(REVOCATIONS_PER_SECOND));
        let (rate, time) = run(&server, &load);
        drop(revoking);
        rates.push(rate);
        times.push(time);
    }
    let now = feed.statistics();
    assert!(now.batches > subscribed.batches, "none were sent");
    let connected = (now.subscribers, now.snapshots_sent, now.resumed, now.cut);
    let before = (1, subscribed.snapshots_sent, subscribed.resumed, 0);
    assert_eq!(connected, before, "the gate did not follow all the time");
    let [quiet, arriving] = rounds.map(|(rates, times)| (median(rates), median(times)));
    let name = "1,000,000 entries, 1,000 more a second";
    table.add("checks, 1,000,000 entries", quiet.0, "/s", Goal::None);
    table.add(
        &format!("checks, {name}"),
        arriving.0,
        "/s",
        Goal::Least(quiet.0 * 0.95),
    );
    table.add("- processor time, quiet", quiet.1, "µs CPU", Goal::None);
    let goal = Goal::Scale { of: quiet.1 };
    table.add("- processor time, arriving", arriving.1, "µs CPU", goal);
    server.stop();
}

/// Checks a second, and the server's processor time for each in microseconds.
fn run(server: &Server, load: &Load) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = Client::connect(server.address).await;
        client.run(load, 0..WARM_UP).await;
        let (begun, before) = (Instant::now(), processor_time(server.id()));
        client.run(load, 0..CHECKS_PER_ROUND).await;
        let (elapsed, used) = (begun.elapsed(), processor_time(server.id()) - before);
        let checks = CHECKS_PER_ROUND as f64;
        (checks / elapsed.as_secs_f64(), used / checks)
    })
}

fn whole_server(table: &mut Table, issuer: &Issuer, files: &Files, feeds: &[(Feed, &str); 2]) {
    let load = cached(issuer, HeaderForm::Listed, 1);
    let no_op = per_check(INSTRUCTIONS, Kind::NoOp, &load, CHECKS, files);
    table.add("no-op server", no_op, "instr", Goal::None);
    for (feed, name) in feeds {
        let config = feed.gate_config(files);
        let gate = Kind::Portcullis(&config);
        let value = per_check(INSTRUCTIONS, gate, &load, CHECKS, files);
        let goal = Goal::Ratio {
            of: no_op,
            most: 0.85,
        };
        table.add(
            &format!("cached proof and scope, {name}"),
            value,
            "instr",
            goal,
        );
    }
    let bare = per_turn(INSTRUCTIONS, loops::VERIFY_BARE, FEWER, files);
    let config = feeds[1].0.gate_config(files);
    let load = uncached(issuer);
    let value = per_check(INSTRUCTIONS, Kind::Portcullis(&config), &load, FEWER, files);
    let goal = Goal::Ratio {
        of: bare + no_op,
        most: 1.1,
    };
    let name = "uncached ES256, 1,000,000 entries, against bare + no-op";
    table.add(name, value, "instr", goal);
}
