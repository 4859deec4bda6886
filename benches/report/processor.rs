//! Processor time per check, native, without a proxy: for scale.

use crate::client::{Client, Load};
use crate::fixture::{Files, Issuer};
use crate::instructions::cached;
use crate::message::HeaderForm;
use crate::process::processor_time;
use crate::server::{Kind, Server, Under};
use crate::table::{Goal, Table};

const WARM_UP: usize = 5_000;
const CHECKS: usize = 30_000;
/// The servers take turns, so that what else the machine does falls on both; the median counts.
const ROUNDS: usize = 5;

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, issuer: &Issuer, files: &Files) {
    let config = files.config();
    let no_op = Server::start(Kind::NoOp, &Under::Nothing);
    let gate = Server::start(Kind::Portcullis(&config), &Under::Nothing);
    for in_flight in [1, 32] {
        let load = cached(issuer, HeaderForm::Listed, in_flight);
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            rounds[0].push(time_per_check(&no_op, &load));
            rounds[1].push(time_per_check(&gate, &load));
        }
        let [of, value] = rounds.map(median);
        table.add(
            &format!("no-op server, {in_flight} in flight"),
            of,
            "µs CPU",
            Goal::None,
        );
        let name = format!("cached proof and scope, {in_flight} in flight");
        table.add(&name, value, "µs CPU", Goal::Scale { of });
    }
    no_op.stop();
    gate.stop();
}

fn time_per_check(server: &Server, load: &Load) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = Client::connect(server.address).await;
        client.run(load, 0..WARM_UP).await;
        let before = processor_time(server.id());
        client.run(load, 0..CHECKS).await;
        (processor_time(server.id()) - before) / CHECKS as f64
    })
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
