//! `portcullis doctor --url`: what a running proxy answers, and what that means.

use std::cmp::Reverse;
use std::io::Write;

use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::http::{Answered, LiveProxy};
use super::{DoctorArgs, Format};
use crate::cli::Finding as Verdict;
use crate::cli::rehearsal::{Answer, AskedRequest, Grounds, GroundsArgs, Rehearsal};
use crate::clock::{Clock, SystemClock};
use crate::doctor::{
    IdentityNames, Meaning, RefusedBy, STILL_RUNNING, Standing, of_identity, ways_around,
};
use crate::labels::Label;
use crate::problem::printable;

/// What callers must not be able to say of themselves, and a header that may arrive.
const FORGED: &str = "portcullis-doctor-forged-identity";
const CONTROL: (&str, &str) = ("x-portcullis-doctor", "portcullis-doctor-control");

/// The most routes among which examples are looked for.
const MAX_ROUTES: usize = 1000;

/// One request and what came of it.
struct Row {
    what: String,
    path: String,
    /// Or why there is no answer.
    answered: Result<Answered, String>,
    meaning: Meaning,
}

/// Exit code 0 where nothing is wrong, 1 where requests pass that must not, 2 where it cannot be told.
pub(super) fn run(
    args: &DoctorArgs,
    url: &str,
    identity: &IdentityNames,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let proxy = LiveProxy::new(url, args.ca.as_deref())?;
    let paths = Paths::of(args, &proxy)?;
    let rows = if args.gate_stopped {
        stopped(&proxy, &paths)
    } else {
        running(&proxy, &paths, identity)
    };
    match args.format {
        Format::Text => text(&rows, out)?,
        Format::Json => json(&rows, out)?,
    }
    let has = |standing| rows.iter().any(|row| row.meaning.standing == standing);
    Ok(if has(Standing::Open) {
        Verdict::No
    } else if has(Standing::Unclear) {
        Verdict::Unknown
    } else {
        Verdict::Yes
    })
}

/// What is asked for.
struct Paths {
    public: String,
    private: String,
    /// Other spellings of the private path, which are refused by the policy if one was named.
    around: Vec<(&'static str, String)>,
    refused_by: RefusedBy,
}

impl Paths {
    fn of(args: &DoctorArgs, proxy: &LiveProxy) -> anyhow::Result<Self> {
        for path in args.public.iter().chain(&args.private) {
            let plain = |byte: u8| (0x21..0x7f).contains(&byte);
            ensure!(
                path.starts_with('/') && path.bytes().all(plain),
                "`{}` is not a path: write one that begins with `/`, such as `/orders/1`",
                printable(path)
            );
        }
        let (public, private) = (args.public.clone(), args.private.clone());
        if args.policy.is_empty() && args.config.is_none() {
            let (Some(public), Some(private)) = (public, private) else {
                bail!(
                    "name the policy by `--policy FILE` or `--config FILE`, or both `--public PATH` and \
                     `--private PATH`"
                );
            };
            let around = ways_around(&private, &public);
            return Ok(Self {
                public,
                private,
                around,
                refused_by: RefusedBy::Assumption,
            });
        }
        let grounds = GroundsArgs::new(args.policy.clone(), args.config.clone()).load()?;
        let policy = Judge {
            rehearsal: Rehearsal::with_claims(&grounds, SystemClock.now())?,
            grounds: &grounds,
            host: &proxy.authority,
        };
        let public = public.or_else(|| policy.example(|answer| answer.disposition.passes()));
        let public = public.context(
            "the policy has no public route for GET at this host: name something public by `--public PATH`",
        )?;
        let private = private.or_else(|| policy.example(|answer| answer.status == 401));
        let private = private.context(
            "the policy has no route for GET at this host that asks for a token: name something private by \
             `--private PATH`",
        )?;
        let mut around = ways_around(&private, &public);
        // What the policy lets through is not a way around it.
        around.retain(|(_, path)| !policy.answer(path).disposition.is_allowed());
        Ok(Self {
            public,
            private,
            around,
            refused_by: RefusedBy::ThePolicy,
        })
    }
}

/// What the policy says of requests without a token.
struct Judge<'g> {
    rehearsal: Rehearsal,
    grounds: &'g Grounds,
    host: &'g str,
}

impl Judge<'_> {
    fn answer(&self, path: &str) -> Answer {
        self.rehearsal.ask(&AskedRequest {
            method: "GET".to_owned(),
            host: self.host.to_owned(),
            path: path.to_owned(),
            ..AskedRequest::default()
        })
    }

    /// A path of a route that answers like this: of those with the most segments, which can be written in
    /// the most ways, the first.
    fn example(&self, is_wanted: impl Fn(&Answer) -> bool) -> Option<String> {
        let routes = self.grounds.policy.routes().iter().take(MAX_ROUTES);
        let paths = routes.map(|route| (&*route.name, example(route.path.as_ref())));
        let wanted = paths.filter(|(name, path)| {
            let answer = self.answer(path);
            is_wanted(&answer) && answer.route.as_deref() == Some(*name)
        });
        let deepest = wanted.min_by_key(|(_, path)| Reverse(path.matches('/').count()));
        deepest.map(|(_, path)| path)
    }
}

/// A path that the template matches.
fn example(template: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        path.push('1');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    path + rest
}

fn stopped(proxy: &LiveProxy, paths: &Paths) -> Vec<Row> {
    let asked = [
        ("public, gate stopped", &paths.public),
        ("private, gate stopped", &paths.private),
    ];
    let mut rows =
        asked.map(|(what, path)| ask(proxy, what, path, |answered| answered.answer.of_stopped()));
    // While it runs, the upstream answers what is public, as it should.
    let is_running = rows.iter().any(|row| row.meaning == STILL_RUNNING);
    if is_running {
        for row in &mut rows {
            row.meaning = STILL_RUNNING;
        }
    }
    rows.into()
}

fn running(proxy: &LiveProxy, paths: &Paths, identity: &IdentityNames) -> Vec<Row> {
    let mut rows = vec![
        ask(proxy, "public", &paths.public, |answered| {
            answered.answer.of_public()
        }),
        ask(proxy, "private", &paths.private, |answered| {
            answered.answer.of_private()
        }),
    ];
    // Where nothing answers, nothing will.
    if rows.iter().all(|row| row.answered.is_err()) {
        return rows;
    }
    for (what, path) in &paths.around {
        rows.push(ask(proxy, what, path, |answered| {
            answered.answer.of_way_around(paths.refused_by)
        }));
    }
    let names: Vec<&str> = identity.iter().collect();
    let aliases: Vec<String> = names.iter().map(|name| name.replace('-', "_")).collect();
    let names = names
        .iter()
        .copied()
        .chain(aliases.iter().map(String::as_str));
    let mut headers: Vec<(&str, &str)> = names.map(|name| (name, FORGED)).collect();
    headers.push(CONTROL);
    rows.push(ask_with(
        proxy,
        "identity headers of the caller",
        &paths.public,
        &headers,
        |answered| of_identity(answered.shows(FORGED), answered.shows(CONTROL.1)),
    ));
    rows
}

fn ask(proxy: &LiveProxy, what: &str, path: &str, judge: impl Fn(&Answered) -> Meaning) -> Row {
    ask_with(proxy, what, path, &[], judge)
}

fn ask_with(
    proxy: &LiveProxy,
    what: &str,
    path: &str,
    headers: &[(&str, &str)],
    judge: impl Fn(&Answered) -> Meaning,
) -> Row {
    let answered = proxy.get(path, headers);
    let meaning = match &answered {
        Ok(answered) => judge(answered),
        Err(_) => Meaning {
            standing: Standing::Unclear,
            words: "there is no answer to judge by",
        },
    };
    Row {
        what: what.to_owned(),
        path: path.to_owned(),
        answered: answered.map_err(|error| format!("{error:#}")),
        meaning,
    }
}

/// What came, on one line.
fn came(row: &Row) -> String {
    let answer = match &row.answered {
        Ok(answered) => &answered.answer,
        Err(error) => return format!("no answer: {}", shown(error)),
    };
    let mut text = answer.status.to_string();
    if let Some(challenge) = &answer.challenge {
        text = format!("{text}, WWW-Authenticate: {}", shown(challenge));
    }
    if let Some(id) = &answer.decision_id {
        text = format!("{text}, decision {id}");
    }
    if answer.from_upstream {
        text.push_str(", from the upstream");
    }
    text
}

/// What the other side wrote, escaped and cut.
fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    printable(&text.chars().take(MAX_CHARS).collect::<String>())
}

fn text(rows: &[Row], out: &mut dyn Write) -> std::io::Result<()> {
    for row in rows {
        writeln!(
            out,
            "{:<7} {}: GET {}",
            row.meaning.standing.label().to_uppercase(),
            row.what,
            row.path
        )?;
        writeln!(out, "        came:  {}", came(row))?;
        writeln!(out, "        means: {}\n", row.meaning.words)?;
    }
    let counts = Standing::ALL.iter().map(|standing| {
        let count = rows
            .iter()
            .filter(|row| row.meaning.standing == *standing)
            .count();
        format!("{count} {}", standing.label())
    });
    writeln!(
        out,
        "asked {} times: {}",
        rows.len(),
        counts.collect::<Vec<_>>().join(", ")
    )
}

fn json(rows: &[Row], out: &mut dyn Write) -> std::io::Result<()> {
    let rows = rows.iter().map(|row| {
        let answer = row.answered.as_ref().ok().map(|answered| &answered.answer);
        json!({
            "what": row.what,
            "path": row.path,
            "standing": row.meaning.standing.label(),
            "status": answer.map(|answer| answer.status),
            "www_authenticate": answer.and_then(|answer| answer.challenge.as_deref()).map(shown),
            "decision_id": answer.and_then(|answer| answer.decision_id.as_deref()),
            "from_upstream": answer.map(|answer| answer.from_upstream),
            "error": row.answered.as_ref().err().map(|error| shown(error)),
            "meaning": row.meaning.words,
        })
    });
    writeln!(out, "{}", json!({"answers": rows.collect::<Vec<_>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_an_example() {
        for (template, expected) in [
            ("/orders/{id}", "/orders/1"),
            ("/a/{x}/b:{y}/{*rest}", "/a/1/b:1/1"),
            ("/a", "/a"),
        ] {
            assert_eq!(example(template), expected);
        }
    }
}
