//! Methods: which requests a route answers by their verb (RFC 9110 section 9.1).

use std::collections::BTreeSet;
use std::fmt;

use crate::problem::{Mistake, closest, quoted};

/// The longest method, in bytes; the longest registered one has 17.
const MAX_BYTES: usize = 32;

/// Methods that people mean when they write something like them (IANA HTTP Method Registry).
const KNOWN: [&str; 20] = [
    "ACL",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LOCK",
    "MERGE",
    "MKCOL",
    "MOVE",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNLOCK",
];

/// The other registered ones, of `WebDAV` and versioning.
const REGISTERED_TOO: [&str; 20] = [
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "LABEL",
    "LINK",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "ORDERPATCH",
    "PRI",
    "QUERY",
    "REBIND",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// The methods that a route answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Methods {
    /// `["*"]`.
    Every,
    /// These, as written, sorted; `GET` among them answers `HEAD` too.
    Listed(Box<[Box<str>]>),
}

impl Methods {
    /// Whether a route with these methods answers `method`.
    pub fn answer(&self, method: &[u8]) -> bool {
        match self {
            Self::Every => true,
            Self::Listed(listed) => listed
                .iter()
                .any(|one| one.as_bytes() == method || (&**one == "GET" && method == b"HEAD")),
        }
    }

    /// The methods of the list, with the `HEAD` that `GET` brings (RFC 9110 section 9.3.2); nothing where every
    /// method is answered.
    pub fn expanded(&self) -> Option<impl Iterator<Item = &str>> {
        let Self::Listed(listed) = self else {
            return None;
        };
        let has = |wanted: &str| listed.iter().any(|method| &**method == wanted);
        let head = (has("GET") && !has("HEAD")).then_some("HEAD");
        Some(listed.iter().map(AsRef::as_ref).chain(head))
    }

    /// Whether the list is exactly this one method.
    pub(super) fn are_only(&self, method: &str) -> bool {
        matches!(self, Self::Listed(listed) if matches!(&**listed, [one] if &**one == method))
    }

    /// A method that both answer, if there is one.
    pub(super) fn common(&self, other: &Self) -> Option<String> {
        match (self, other) {
            (Self::Every, Self::Every) => Some("every method".to_owned()),
            (Self::Every, Self::Listed(listed)) | (Self::Listed(listed), Self::Every) => {
                listed.first().map(|method| format!("`{method}`"))
            }
            (Self::Listed(_), Self::Listed(_)) => self
                .expanded()?
                .find(|method| other.answer(method.as_bytes()))
                .map(|method| format!("`{method}`")),
        }
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => formatter.write_str("*"),
            Self::Listed(listed) => formatter.write_str(&listed.join(",")),
        }
    }
}

/// Whether `method` is a token (RFC 9110 section 5.6.2) of reasonable length.
pub(super) fn is_token(method: &[u8]) -> bool {
    (1..=MAX_BYTES).contains(&method.len()) && method.iter().all(|byte| is_token_byte(*byte))
}

/// The method that `method` is with more behind it, if there is one: no registered method is.
pub(super) fn extended(method: &[u8]) -> Option<&'static str> {
    KNOWN
        .into_iter()
        .find(|known| method.len() > known.len() && method.starts_with(known.as_bytes()))
}

/// Whether `method` is in the IANA HTTP Method Registry.
pub(super) fn is_registered(method: &str) -> bool {
    KNOWN.contains(&method) || REGISTERED_TOO.contains(&method)
}

/// A registered method that is none of `listed`, the most usual first.
pub(super) fn besides(listed: &BTreeSet<&[u8]>) -> Box<str> {
    const USUAL: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let all = USUAL.into_iter().chain(KNOWN).chain(["OTHER"]);
    let is_free = |method: &&str| !listed.contains(method.as_bytes());
    let method = all.filter(|method| *method != "CONNECT").find(is_free);
    method.unwrap_or("ANOTHER").into()
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What is wrong with a method in a policy, if anything is.
pub(super) fn mistake(method: &str) -> Option<Mistake> {
    let shown = quoted(method);
    if !is_token(method.as_bytes()) || method.contains('*') {
        return Some(Mistake::new(
            format!("{shown} is not a method"),
            "write a method such as `GET`, or `[\"*\"]` alone for every method",
        ));
    }
    if KNOWN.contains(&method) {
        return None;
    }
    let upper = method.to_ascii_uppercase();
    if upper != method {
        let is_known = KNOWN.contains(&upper.as_str());
        let near = closest(method, KNOWN).filter(|_| !is_known);
        let suggested = near.unwrap_or(&upper);
        return Some(Mistake::new(
            format!("the method {shown} is not in upper case, and methods are case-sensitive"),
            format!("did you mean `{suggested}`?"),
        ));
    }
    // A short word is near to too many others.
    let near = closest(method, KNOWN).filter(|near| method.len() > 3 && near.len() > 3);
    let near = near.or_else(|| extended(method.as_bytes()))?;
    Some(Mistake::new(
        format!("unknown method {shown}"),
        format!("did you mean `{near}`?"),
    ))
}
