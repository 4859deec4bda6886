//! An explanation for a person: what was asked, which route, whose token, and the answer.

use std::io::{self, Write};

use super::facts::{
    Access, Explanation, MatchFacts, ReadingFacts, RouteFacts, Routing, TokenFacts, TokenState,
};
use super::shadow::ShadowAnswer;
use crate::cli::rehearsal::{Answer, Disposition};
use crate::labels::Label;
use crate::policy::{Mismatch, ScopeWords};
use crate::problem::printable;

/// Writes the explanation; everything that a caller wrote is escaped.
pub(super) fn write(title: &str, facts: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", printable(title))?;
    writeln!(out, "{}", verdict(&facts.answer))?;
    steps(facts, out)?;
    answer(&facts.answer, out)
}

/// Writes the way to an answer that nobody can tell.
pub(super) fn write_without_answer(
    title: &str,
    facts: &Explanation,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", printable(title))?;
    writeln!(out, "cannot tell: see the note")?;
    request(facts, out)?;
    match &facts.routing {
        Some(routing) => route(facts, routing, out),
        None => Ok(()),
    }
}

fn steps(facts: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    request(facts, out)?;
    if let Some(routing) = &facts.routing {
        route(facts, routing, out)?;
    }
    if let Some(facts_of_token) = &facts.token {
        token(facts, facts_of_token, out)?;
    }
    Ok(())
}

/// What the policy in shadow answers.
pub(super) fn write_shadow(shadow: &ShadowAnswer, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nshadow policy, which is tried and not enforced")?;
    if shadow.is_uncertain {
        line(out, "answer", "cannot tell: see the note")?;
    } else {
        line(out, "answer", &verdict(&shadow.answer))?;
    }
    let change = format!("{} ({})", shadow.words(), shadow.difference);
    line(out, "change", &change)
}

fn verdict(answer: &Answer) -> String {
    let route = answer.route.as_deref();
    let by = route.map_or_else(String::new, |route| format!(" by the route `{route}`"));
    let disposition = answer.disposition;
    let reason = disposition.reason().label();
    let why = match disposition.detail() {
        Some(detail) => format!("{reason}, {detail}"),
        None => reason.to_owned(),
    };
    match disposition {
        Disposition::Allowed(_) => format!("allowed{by} ({why})"),
        Disposition::InShadow(_) => {
            format!("allowed{by} in shadow mode; enforced, it would be refused ({why})")
        }
        Disposition::Refused(_) => {
            let message = answer.message.as_deref();
            let message = message.map_or_else(String::new, |message| format!(": {message}"));
            format!("refused with {}{by} ({why}){message}", answer.status)
        }
    }
}

/// One line below a title.
fn line(out: &mut dyn Write, label: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {label:<9} {}", printable(text))
}

fn request(facts: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    let request = &facts.request;
    writeln!(out, "\nrequest")?;
    line(out, "method", &request.method)?;
    if let Some(method) = &request.preflight_for {
        line(
            out,
            "preflight",
            &format!("asks whether {method} is allowed"),
        )?;
    }
    let compared = facts
        .routing
        .as_ref()
        .map(|routing| &*routing.compared_host);
    let host = match compared {
        _ if request.host.is_empty() => "none".to_owned(),
        Some(compared) if compared != request.host => {
            format!("{}, compared as {compared}", request.host)
        }
        _ => request.host.clone(),
    };
    line(out, "host", &host)?;
    if let Some(rule) = &request.malformed {
        line(out, "path", &request.path)?;
        line(out, "malformed", rule)?;
        return match request.setting {
            Some(setting) => line(out, "setting", setting),
            None => Ok(()),
        };
    }
    let readings = facts.routing.as_ref().map(|routing| &*routing.readings);
    match readings {
        Some([only]) if only.path == without_query(&request.path) => {
            line(out, "path", &format!("{}, canonical", only.path))
        }
        Some([only]) => line(
            out,
            "path",
            &format!("{}, read as {}", request.path, only.path),
        ),
        _ => line(out, "path", &request.path),
    }
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}

fn route(facts: &Explanation, routing: &Routing, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nroute")?;
    line(out, "table", &table(routing))?;
    match routing.readings.as_slice() {
        [only] => reading(only, &facts.request.method, out)?,
        several => {
            let note = "the path can be read in several ways, and every one must allow";
            line(out, "readings", note)?;
            for one in several {
                let need = if one.is_required || !one.matches.is_empty() {
                    ""
                } else {
                    ", which no route can name and so needs none"
                };
                line(out, "reading", &format!("{}{need}", one.path))?;
                reading(one, &facts.request.method, out)?;
            }
        }
    }
    if let Some(mismatch) = routing.mismatch {
        line(out, "mismatch", mismatch_text(mismatch))?;
    }
    match &routing.nearest {
        Some(nearest) => line(out, "nearest", &described(nearest)),
        None => Ok(()),
    }
}

fn table(routing: &Routing) -> String {
    match (&routing.host_pattern, routing.host_is_closed) {
        (None, _) => "the routes without `hosts`, because no route names this host".to_owned(),
        (Some(pattern), false) => {
            format!("the routes of `{pattern}`, and those without `hosts` behind them")
        }
        (Some(pattern), true) => format!(
            "the routes of `{pattern}` alone, because `closed_hosts` closes it to the others"
        ),
    }
}

fn mismatch_text(mismatch: Mismatch) -> &'static str {
    match mismatch {
        Mismatch::Host => "the host: a route of another host has this path and method",
        Mismatch::Method => "the method: a route has this path with other methods",
        Mismatch::Path => "the path: no route of this host has it",
    }
}

fn reading(reading: &ReadingFacts, method: &str, out: &mut dyn Write) -> io::Result<()> {
    let Some((first, rest)) = reading.matches.split_first() else {
        return if reading.is_required {
            line(out, "route", "none")
        } else {
            Ok(())
        };
    };
    match &first.route {
        Some(route) if first.as_preflight => {
            let text = format!("{}, which lets preflights through", described(route));
            line(out, "route", &text)?;
        }
        Some(route) => line(out, "route", &described(route))?,
        None => {
            let text = format!("none: the most specific path is not for {method}");
            line(out, "route", &text)?;
        }
    }
    for other in &first.others {
        let why = if first.route.is_some() {
            "same path, other methods or any host"
        } else {
            "other methods"
        };
        line(out, "beside", &format!("{} ({why})", described(other)))?;
    }
    rest.iter().try_for_each(|other| over(other, out))
}

/// A template that would match as well.
fn over(other: &MatchFacts, out: &mut dyn Write) -> io::Result<()> {
    let why = match other.less_specific_in_segment {
        Some(segment) => format!("less specific in segment {segment}"),
        None => "less specific".to_owned(),
    };
    for route in other.route.iter().chain(&other.others) {
        line(out, "over", &format!("{} ({why})", described(route)))?;
    }
    Ok(())
}

fn described(route: &RouteFacts) -> String {
    let hosts = match route.hosts.as_slice() {
        [] => String::new(),
        hosts => format!(" on {}", hosts.join(", ")),
    };
    format!("{}: {} {}{hosts}", route.name, route.methods, route.path)
}

fn token(facts: &Explanation, token: &TokenFacts, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\ncaller")?;
    for route in deciding(facts) {
        line(out, "asked", &asked(route))?;
        for condition in &route.when {
            line(out, "when", condition)?;
        }
        let counts = match &route.issuers {
            None => "tokens of every trusted issuer".to_owned(),
            Some(names) if names.is_empty() => "no token: no issuer is named".to_owned(),
            Some(names) => format!("tokens of {}", names.join(", ")),
        };
        if route.access != Access::Nobody {
            line(out, "counts", &counts)?;
        }
    }
    credential(token, out)?;
    if !token.missing.is_empty() {
        line(out, "missing", &token.missing.join(" "))?;
    }
    if !token.missing_any_of.is_empty() {
        let one_of = format!("one of {}", token.missing_any_of.join(", "));
        line(out, "missing", &one_of)?;
    }
    if let Some(unmet) = &token.unmet {
        let why = match (&unmet.part, &unmet.error) {
            (Some(part), Some(error)) => format!("{}: `{part}`: {error}", unmet.condition),
            _ => format!("{} is false", unmet.condition),
        };
        line(out, "unmet", &why)?;
    }
    Ok(())
}

/// Whose token it is, what it has, and what is wrong with it.
fn credential(token: &TokenFacts, out: &mut dyn Write) -> io::Result<()> {
    line(out, "token", state(token.state))?;
    if let Some(error) = &token.error {
        line(out, "because", error)?;
    }
    if let Some((member, value)) = &token.offending {
        line(out, member, value)?;
    }
    if let Some(issuer) = &token.issuer {
        let iss = token.iss.as_deref().unwrap_or_default();
        line(out, "issuer", &format!("{issuer} ({iss})"))?;
    }
    if let Some(fix) = &token.fix {
        line(out, "fix", fix)?;
    }
    for (label, value) in [("subject", &token.subject), ("client", &token.client)] {
        if let Some(value) = value {
            line(out, label, value)?;
        }
    }
    match &token.scopes {
        _ if token.has_unlogged_scopes => line(out, "has", "scopes that are not in the line"),
        Some(scopes) if scopes.is_empty() => line(out, "has", "no scope"),
        Some(scopes) => line(out, "has", &scopes.join(" ")),
        None => Ok(()),
    }
}

/// The routes of all readings, each once.
fn deciding(facts: &Explanation) -> Vec<&RouteFacts> {
    let readings = facts.routing.iter().flat_map(|routing| &routing.readings);
    let firsts = readings.filter_map(|reading| reading.matches.first());
    let mut routes: Vec<&RouteFacts> = Vec::new();
    for route in firsts.filter_map(|first| first.route.as_ref()) {
        if !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes
}

fn asked(route: &RouteFacts) -> String {
    match (route.access, &route.required) {
        (_, Some(scopes)) => format!("a token with {}", scopes.phrase(ScopeWords::ENGLISH)),
        (Access::Public, None) => "nothing: the route is public".to_owned(),
        (Access::Authenticated, None) => "a valid token".to_owned(),
        (Access::Scopes | Access::Nobody, None) => "nobody may pass".to_owned(),
    }
}

fn state(state: TokenState) -> &'static str {
    match state {
        TokenState::Accepted => "accepted",
        TokenState::Refused => "refused",
        TokenState::Several => {
            "more than one credential: proxy and upstream may read different ones"
        }
        TokenState::OtherScheme => "none: the header `Authorization` is not of the scheme Bearer",
        TokenState::Ignored => "not looked at",
        TokenState::None => "none",
    }
}

fn answer(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    if answer.disposition.is_allowed() {
        writeln!(out, "\nto the upstream")?;
        for header in &answer.upstream_headers {
            match &header.value {
                Some(value) => writeln!(out, "  {}: {}", header.name, printable(value))?,
                None => writeln!(out, "  {} is removed", printable(&header.name))?,
            }
        }
        return Ok(());
    }
    writeln!(out, "\nanswer to the caller")?;
    writeln!(
        out,
        "  HTTP {} (gRPC code {})",
        answer.status, answer.grpc_code
    )?;
    for (name, value) in &answer.headers {
        writeln!(out, "  {name}: {}", printable(value))?;
    }
    match answer.body.as_deref() {
        None | Some("") => Ok(()),
        Some(body) => writeln!(out, "\n  {}", printable(body.trim_end())),
    }
}
