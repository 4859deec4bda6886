//! Processor time per check, native, without a proxy, and how many answers go out in a write.

use crate::client::{Client, Load};
use crate::fixture::{Files, Issuer};
use crate::instructions::cached;
use crate::message::HeaderForm;
use crate::process::{processor_time, segments_sent};
use crate::server::{Kind, Server, Under};
use crate::table::{Goal, Table};

const WARM_UP: usize = 5_000;
const CHECKS: usize = 30_000;
/// The servers take turns, so that what else the machine does falls on both; the median counts.
const ROUNDS: usize = 5;

/// Connections, and checks under way on each.
const SHAPES: [(usize, usize); 3] = [(1, 1), (1, 32), (4, 25)];

/// What a round costs the server.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Microseconds of processor time per check.
    time: f64,
    /// Answers for each segment that the server sent; nothing where the system does not tell.
    answers_per_segment: Option<f64>,
}

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, issuer: &Issuer, files: &Files) {
    let config = files.config();
    let kinds = [
        ("no-op server", Kind::NoOp),
        ("no-op server on one thread", Kind::NoOpOnOneThread),
        ("cached proof and scope", Kind::Portcullis(&config)),
    ];
    let servers = kinds.map(|(name, kind)| (name, Server::start(kind, &Under::Nothing)));
    for (connections, in_flight) in SHAPES {
        let load = cached(issuer, HeaderForm::Listed, in_flight);
        let mut rounds = [(); 3].map(|()| Vec::new());
        for _ in 0..ROUNDS {
            for ((_, server), costs) in servers.iter().zip(&mut rounds) {
                costs.push(cost_per_check(server, connections, &load));
            }
        }
        let times = rounds.each_ref().map(|costs| {
            let times = costs.iter().map(|cost| cost.time);
            median(times.collect())
        });
        let shape = match connections {
            1 => format!("{in_flight} in flight"),
            _ => format!("{connections} connections, {in_flight} in flight on each"),
        };
        for (((name, _), costs), time) in servers.iter().zip(&rounds).zip(times) {
            let goal = match (*name, connections * in_flight) {
                ("no-op server" | "no-op server on one thread", _) => Goal::None,
                (_, 1) => Goal::Ratio {
                    of: times[1],
                    most: 1.0,
                },
                (_, 100) => Goal::Ratio {
                    of: times[1],
                    most: 0.85,
                },
                _ => Goal::Scale { of: times[1] },
            };
            table.add(&format!("{name}, {shape}"), time, "µs CPU", goal);
            let answers = costs.iter().map(|cost| cost.answers_per_segment);
            let answers: Option<Vec<f64>> = answers.collect();
            if let Some(answers) = answers {
                table.add(
                    "- answers per write",
                    median(answers),
                    "answers",
                    Goal::None,
                );
            }
        }
    }
    for (_, server) in servers {
        server.stop();
    }
}

fn cost_per_check(server: &Server, connections: usize, load: &Load) -> Cost {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(Client::connect(server.address).await);
        }
        let run = async |count: usize| {
            let runs = clients.iter().map(|client| client.run(load, 0..count));
            futures_util::future::join_all(runs).await;
        };
        run(WARM_UP / connections).await;
        let (time, segments) = (processor_time(server.id()), segments_sent(server.address));
        let each = CHECKS / connections;
        run(each).await;
        let checks = (each * connections) as f64;
        let sent = segments_sent(server.address).zip(segments);
        Cost {
            time: (processor_time(server.id()) - time) / checks,
            answers_per_segment: sent.map(|(after, before)| checks / (after - before)),
        }
    })
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
