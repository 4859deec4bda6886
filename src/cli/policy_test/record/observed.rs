//! What a line of a log says of one request: the gate's own lines, and access logs of Envoy.

use serde_json::{Map, Value};

use super::sources::sources;
use crate::cli::explain::{LoggedDecision, Record};
use crate::cli::policy_test::case::Outcome;
use crate::cli::rehearsal::{AskedRequest, Reason};
use crate::gate::HIDDEN_MARKS;

/// A request and what became of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) request: AskedRequest,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Reason>,
    pub(super) route: Option<String>,
    /// What `trust` calls the issuer of the token.
    pub(super) issuer: Option<String>,
    pub(super) scopes: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) client: Option<String>,
}

/// Why a line does not become a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unfit {
    NotAboutARequest,
    /// `log.path` or a bound of the log has hidden it.
    PathHidden,
    /// The log has cut what begins with such a mark.
    PathCut,
    /// The gate could not be asked, or the proxy has answered before it was.
    NotDecided,
    /// What the decision rests on is in no log: a token, headers, or how busy the gate was.
    NotReproducible,
    MayHoldASecret,
    /// Of a caller.
    HoldsAnAddress,
    TooLong,
    /// The policy decides it in another way, whoever asks.
    Different,
    TooMany,
}

impl Unfit {
    pub(super) fn phrase(self) -> &'static str {
        match self {
            Self::NotAboutARequest => "not about a request",
            Self::PathHidden => {
                "without the whole path (the gate logs paths with `log.path: full`)"
            }
            Self::PathCut => {
                "with a path that the log cuts at a path parameter (`;`), a fragment, or an encoded `?`, `#` or `;`"
            }
            Self::NotDecided => "not decided by the gate",
            Self::NotReproducible => {
                "decided by a token or by headers that no log has, or not judged"
            }
            Self::MayHoldASecret => "with a host or path that may hold a secret",
            Self::HoldsAnAddress => {
                "decided by a caller whose e-mail address would be in the test: write one with an example"
            }
            Self::TooLong => "too long",
            Self::Different => {
                "decided in another way by this policy, or by claims, an address or a certificate that the log does not have"
            }
            Self::TooMany => "about more kinds of decision than are recorded at a time",
        }
    }
}

/// What a line says of a request.
pub(super) fn observe(line: &str) -> Result<Observed, Unfit> {
    let object = line.find('{').and_then(|start| line.get(start..));
    let fields =
        object.and_then(|json| serde_json::from_str::<Map<String, Value>>(json.trim()).ok());
    match fields {
        Some(fields) if fields.contains_key("decision") => of_gate(line, &fields),
        Some(fields) => of_access_log(&fields),
        None => of_access_text(line),
    }
}

/// A line with the target `portcullis::decision`.
fn of_gate(line: &str, fields: &Map<String, Value>) -> Result<Observed, Unfit> {
    let record = Record::parse(line).map_err(|_| Unfit::NotAboutARequest)?;
    let reason = reproducible(record.reason.as_str())?;
    let text = |name| text_of(fields, name);
    let hidden = if record.path_up_to_mark().is_some() {
        Unfit::PathCut
    } else {
        Unfit::PathHidden
    };
    let request = record.request().map_err(|_| hidden)?;
    let outcome = match record.decision {
        LoggedDecision::Allow => Outcome::Allow,
        LoggedDecision::WouldDeny => Outcome::WouldDeny,
        LoggedDecision::Deny | LoggedDecision::Other(_) => {
            refused(fields.get("status").ok_or(Unfit::NotAboutARequest)?)?
        }
    };
    Ok(Observed {
        request,
        outcome,
        reason: Some(reason),
        route: record.route,
        issuer: text("issuer.name"),
        scopes: text("token.scopes"),
        // A digest, unless `log.subject` is `plain`; a wrong one is not used.
        subject: text("subject"),
        client: None,
    })
}

/// A line of Envoy's access log in JSON: under the names of `config/envoy.yaml`, or under those of Istio
/// and Envoy Gateway.
fn of_access_log(fields: &Map<String, Value>) -> Result<Observed, Unfit> {
    let first = |names: &[&str]| names.iter().find_map(|name| text_of(fields, name));
    let method = first(&["method", ":method"]);
    let path = first(&["path", "x-envoy-origin-path", ":path"]);
    let (Some(method), Some(path)) = (method, path) else {
        return Err(Unfit::NotAboutARequest);
    };
    let status = ["status", "response_code"]
        .iter()
        .find_map(|name| fields.get(*name));
    let told = fields.get("portcullis").and_then(Value::as_object);
    let told = |name| told.and_then(|told| text_of(told, name));
    let exchange = Exchange {
        status: status.ok_or(Unfit::NotAboutARequest)?,
        flags: first(&["flags", "response_flags"]),
        details: first(&["details", "response_code_details"]),
        upstream: first(&["upstream_host"]),
        has_answer: told("reason").is_some(),
    };
    let outcome = match (exchange.outcome()?, told("would_deny")) {
        (Outcome::Allow, Some(_)) => Outcome::WouldDeny,
        (outcome, _) => outcome,
    };
    let reason = told("would_deny").or(told("reason"));
    let reason = reason.as_deref().map(reproducible).transpose()?;
    let request = asked(method, first(&["host", "authority", ":authority"]), &path);
    let mut request = request.within(&sources(fields));
    let scheme = first(&["scheme", ":scheme"]).map(|scheme| scheme.to_ascii_lowercase());
    request.surroundings.scheme = scheme.filter(|scheme| ["http", "https"].contains(&&**scheme));
    Ok(Observed {
        request,
        outcome,
        reason,
        route: told("route"),
        issuer: None,
        scopes: told("scopes"),
        subject: told("subject"),
        client: told("client"),
    })
}

/// A line of Envoy's access log in its default text format, or in that of Istio.
fn of_access_text(line: &str) -> Result<Observed, Unfit> {
    let parts: Vec<&str> = line.split('"').collect();
    let mut words = parts
        .get(2)
        .into_iter()
        .flat_map(|rest| rest.split_whitespace());
    let status = words.next().and_then(|status| status.parse::<u64>().ok());
    let flags = words.next().map(str::to_owned);
    let details = words.next().filter(|word| word.parse::<u64>().is_err());
    // Istio tells details, and in one quotation more why the connection to the upstream has failed. With any
    // other number a caller has sent a quotation mark, which moves all that follows it.
    let (more, expected) = if details.is_some() { (2, 15) } else { (0, 13) };
    if parts.len() != expected {
        return Err(Unfit::NotAboutARequest);
    }
    let part = |position: usize| parts.get(position).copied().unwrap_or_default();
    let (authority, upstream) = (part(9 + more), part(11 + more));
    let mut request = part(1).split(' ');
    let (Some(method), Some(path), Some(_), None) = (
        request.next(),
        request.next(),
        request.next(),
        request.next(),
    ) else {
        return Err(Unfit::NotAboutARequest);
    };
    let exchange = Exchange {
        status: &status.ok_or(Unfit::NotAboutARequest)?.into(),
        flags,
        details: details.map(str::to_owned),
        upstream: written(upstream),
        has_answer: false,
    };
    Ok(Observed {
        outcome: exchange.outcome()?,
        request: asked(method.to_owned(), written(authority), path),
        reason: None,
        route: None,
        issuer: None,
        scopes: None,
        subject: None,
        client: None,
    })
}

/// What an access log says of the answer.
struct Exchange<'v> {
    status: &'v Value,
    flags: Option<String>,
    details: Option<String>,
    upstream: Option<String>,
    /// The gate has answered, and what it said is there.
    has_answer: bool,
}

impl Exchange<'_> {
    fn outcome(&self) -> Result<Outcome, Unfit> {
        let details = self.details.as_deref().unwrap_or_default();
        let flags = self.flags.as_deref().unwrap_or_default();
        if details == "ext_authz_error" {
            return Err(Unfit::NotDecided);
        }
        if details == "ext_authz_denied" || flags.split(',').any(|flag| flag == "UAEX") {
            return refused(self.status);
        }
        if self.has_answer || self.upstream.is_some() || details == "via_upstream" {
            return Ok(Outcome::Allow);
        }
        Err(Unfit::NotDecided)
    }
}

fn refused(status: &Value) -> Result<Outcome, Unfit> {
    let number = status.as_u64().or_else(|| status.as_str()?.parse().ok());
    match number {
        Some(status @ (400 | 401 | 403)) => Ok(Outcome::Status(u16::try_from(status).unwrap_or(0))),
        Some(_) => Err(Unfit::NotReproducible),
        None => Err(Unfit::NotAboutARequest),
    }
}

/// The reason of this name, if the same request can be made again so that it is decided for it.
fn reproducible(reason: &str) -> Result<Reason, Unfit> {
    match Reason::named(reason) {
        Some(reason) if reason.is_reproducible() => Ok(reason),
        Some(_) => Err(Unfit::NotReproducible),
        // Another release has given it.
        None => Err(Unfit::Different),
    }
}

fn asked(method: String, host: Option<String>, path: &str) -> AskedRequest {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    AskedRequest {
        method,
        host: host.unwrap_or_default(),
        path: path.get(..end).unwrap_or_default().to_owned(),
        ..AskedRequest::default()
    }
}

/// A text of a log line; `-` stands for nothing.
fn text_of(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name).and_then(Value::as_str).and_then(written)
}

fn written(text: &str) -> Option<String> {
    (text != "-" && !text.is_empty()).then(|| text.to_owned())
}

/// A file of tests is committed and read by many. A query is never in it; this looks for what else may be
/// secret.
pub(super) fn check_secrets(request: &AskedRequest) -> Result<(), Unfit> {
    let path = &request.path;
    let is_secret = request.host.contains('@')
        || path.contains('@')
        || path.contains("%40")
        || path.contains('?')
        || HIDDEN_MARKS.iter().any(|mark| path.contains(mark))
        || path.split('/').any(looks_random);
    if is_secret {
        Err(Unfit::MayHoldASecret)
    } else {
        Ok(())
    }
}

/// The same of who makes a request, by claims or by a certificate: names are ids as a rule, and an e-mail address
/// is personal.
pub(super) fn check_addresses(
    claims: &Map<String, Value>,
    principal: Option<&str>,
) -> Result<(), Unfit> {
    if claims.values().any(holds_address) || principal.is_some_and(is_address) {
        Err(Unfit::HoldsAnAddress)
    } else {
        Ok(())
    }
}

/// Claims may lie within others.
fn holds_address(value: &Value) -> bool {
    match value {
        Value::String(text) => is_address(text),
        Value::Array(items) => items.iter().any(holds_address),
        Value::Object(members) => members.values().any(holds_address),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_address(text: &str) -> bool {
    text.contains('@') || text.contains("%40")
}

/// Whether a segment looks like a token or a key; a UUID is an id.
fn looks_random(segment: &str) -> bool {
    /// As many as 64 bits have in hex, and 120 in base64url.
    const LEAST_HEX: usize = 16;
    const LEAST_BASE64: usize = 20;
    let is_uuid = segment.len() == 36
        && segment.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && segment
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    let of_base64 = |byte: char| byte.is_ascii_alphanumeric() || "-_".contains(byte);
    let is_key = |part: &str| {
        let has = |kind: fn(&u8) -> bool| part.as_bytes().iter().any(kind);
        let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        // Words joined by hyphens are neither.
        let is_mixed =
            has(u8::is_ascii_digit) || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
        is_hex && part.len() >= LEAST_HEX || is_mixed && part.len() >= LEAST_BASE64
    };
    !is_uuid && (segment.starts_with("eyJ") || segment.split(|byte| !of_base64(byte)).any(is_key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::labels::Label;

    /// What a line says: method, URL, outcome, reason and scopes.
    fn said(line: &str) -> Result<String, Unfit> {
        let observed = observe(line)?;
        check_secrets(&observed.request)?;
        Ok(observed).map(|observed| {
            let Observed {
                request,
                outcome,
                reason,
                scopes,
                ..
            } = observed;
            format!(
                "{} {outcome:?} {} {}",
                request.line(),
                reason.map_or("-", Label::label),
                scopes.as_deref().unwrap_or("-")
            )
        })
    }

    #[test]
    fn lines_of_the_gate_are_read() {
        let line = |path: &str, reason: &str| {
            json!({
                "decision": "deny", "status": 403, "reason": reason, "request.method": "POST",
                "request.host": "shop.example", "request.path": path, "token.scopes": "a b",
                "subject": "0123456789abcdef", "issuer.name": "staff",
            })
            .to_string()
        };
        let expected = "POST https://shop.example/orders Status(403) scopes_missing a b";
        assert_eq!(said(&line("/orders", "scopes_missing")).unwrap(), expected);
        let prefixed = format!(
            "2026-11-30T05:00:00Z stderr F {}",
            line("/orders", "scopes_missing")
        );
        assert_eq!(said(&prefixed).unwrap(), expected);
        for (path, reason, unfit) in [
            ("/orders/{id}", "nobody", Unfit::PathHidden),
            ("/orders/1...", "nobody", Unfit::PathHidden),
            ("/orders", "bad_token", Unfit::NotReproducible),
            (
                "/reset/4ksCb5fbaCDG0XIELgKHnF9a",
                "nobody",
                Unfit::MayHoldASecret,
            ),
            ("/a;jsessionid=1", "nobody", Unfit::MayHoldASecret),
            ("/a;...", "nobody", Unfit::PathCut),
            ("/a%23...", "nobody", Unfit::PathCut),
            ("/k/0123456789abcdef", "nobody", Unfit::MayHoldASecret),
            ("/k/sk_live_4f2a-9c1b-77de", "nobody", Unfit::MayHoldASecret),
            ("/k/AbCd-EfGh_IjKlMnOpQr", "nobody", Unfit::MayHoldASecret),
            ("/users/alice@shop.example", "nobody", Unfit::MayHoldASecret),
            (
                "/users/alice%40shop.example",
                "nobody",
                Unfit::MayHoldASecret,
            ),
            ("/eyJhbGciOiJub25lIn0.e30.", "nobody", Unfit::MayHoldASecret),
        ] {
            assert_eq!(said(&line(path, reason)), Err(unfit), "{path}");
        }
        for path in [
            "/6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            "/list-of-all-open-orders/2026-11-30",
            "/0123456789",
        ] {
            assert!(said(&line(path, "nobody")).is_ok(), "{path}");
        }
    }

    #[test]
    fn access_logs_of_envoy_are_read() {
        let with = |more: Value| {
            let mut line = json!({"method": "GET", "host": "shop.example", "path": "/a?secret=1", "status": 200});
            let more = more.as_object().unwrap().clone();
            line.as_object_mut().unwrap().extend(more);
            line.to_string()
        };
        let told = |more: Value| with(json!({"portcullis": more, "details": "via_upstream"}));
        for (line, expected) in [
            (
                told(json!({"reason": "scopes", "route": "r", "scopes": "a"})),
                Ok("GET https://shop.example/a Allow scopes a"),
            ),
            (
                told(json!({"reason": "shadow", "would_deny": "no_token"})),
                Ok("GET https://shop.example/a WouldDeny no_token -"),
            ),
            (
                with(json!({"status": 401, "details": "ext_authz_denied", "portcullis": {"reason": "no_token"}})),
                Ok("GET https://shop.example/a Status(401) no_token -"),
            ),
            (with(json!({"status": 403, "details": "ext_authz_error"})), Err(Unfit::NotDecided)),
            (with(json!({"status": 404, "details": "route_not_found"})), Err(Unfit::NotDecided)),
            (
                json!({"method": "GET", ":authority": "-", "x-envoy-origin-path": "/b", "response_code": "403",
                       "response_flags": "UAEX"})
                .to_string(),
                Ok("GET /b Status(403) - -"),
            ),
            (json!({"message": "serving"}).to_string(), Err(Unfit::NotAboutARequest)),
            ("{".to_owned(), Err(Unfit::NotAboutARequest)),
        ] {
            assert_eq!(said(&line).as_deref(), expected.as_ref().map(|text| *text), "{line}");
        }
    }

    #[test]
    fn text_of_envoy_is_read_where_nothing_can_be_mistaken() {
        let line = |rest: &str, agent: &str, upstream: &str| {
            format!(
                "[2026-11-30T05:00:00.000Z] \"GET /a?b=c HTTP/1.1\" {rest} 0 98 1 - \"-\" \"{agent}\" \
                 \"id\" \"shop.example:8443\" \"{upstream}\""
            )
        };
        for (line, expected) in [
            (
                line("401 UAEX", "curl", "-"),
                Ok("GET https://shop.example:8443/a Status(401) - -"),
            ),
            (
                line("200 -", "curl", "10.0.0.1:80"),
                Ok("GET https://shop.example:8443/a Allow - -"),
            ),
            (line("404 NR", "curl", "-"), Err(Unfit::NotDecided)),
            (
                line("200 -", "a\" \"b", "10.0.0.1:80"),
                Err(Unfit::NotAboutARequest),
            ),
            (
                line("403 UAEX ext_authz_error - \"-\"", "curl", "-"),
                Err(Unfit::NotDecided),
            ),
            (
                line("403 UAEX ext_authz_denied - \"-\"", "curl", "-"),
                Ok("GET https://shop.example:8443/a Status(403) - -"),
            ),
            ("hello".to_owned(), Err(Unfit::NotAboutARequest)),
        ] {
            assert_eq!(
                said(&line).as_deref(),
                expected.as_ref().map(|text| *text),
                "{line}"
            );
        }
    }
}
