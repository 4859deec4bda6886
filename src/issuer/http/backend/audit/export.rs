//! `/backend/audit/export`: the entries as a file, for other programs to keep.
//!
//! It is read and sent a page at a time, so that neither a long audit nor a slow reader fills the memory.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use crate::identity::Form;
use crate::issuer::Issuer;
use crate::issuer::answers::AuditAnswer;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::Filter;
use crate::problem::quoted;
use crate::store::{AuditEntry, AuditFilter, StoreError};

/// So many entries are read at once.
const PAGE: usize = 500;

/// So many are in one file; the next file begins after the last of them.
const MAX_ENTRIES: usize = 100_000;

/// The first line of CSV.
const COLUMNS: [&str; 11] = [
    "position",
    "done_at",
    "time",
    "actor_kind",
    "actor",
    "actor_id",
    "action",
    "object_kind",
    "object_name",
    "object_title",
    "change",
];

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// RFC 4180, for spreadsheets.
    Csv,
    /// An object in JSON for each line.
    JsonLines,
}

/// What is still to be written.
struct Export {
    issuer: Arc<Issuer>,
    filter: AuditFilter,
    before: Option<i64>,
    /// How many entries at most.
    left: usize,
    format: Format,
    is_begun: bool,
}

/// Answers with the file that a query asks for.
pub(in crate::issuer::http) fn export(
    access: &DirectoryAccess,
    query: &str,
) -> Result<Response, EndpointError> {
    let query = Form::parse(query.as_bytes())?;
    let known =
        |name: &str| ["format", "after"].contains(&name) || AuditFilter::NAMES.contains(&name);
    if let Some(unknown) = query.names().find(|name| !known(name)) {
        return Err(EndpointError::UnknownParameter(quoted(unknown)));
    }
    let format = match query.get("format") {
        Some("csv") => Format::Csv,
        Some("jsonl") => Format::JsonLines,
        Some(_) => {
            return Err(EndpointError::ParameterValue {
                name: "format",
                allowed: "`csv` or `jsonl`",
            });
        }
        None => return Err(EndpointError::Missing("format")),
    };
    let export = Export {
        issuer: Arc::clone(&access.issuer),
        filter: AuditFilter::read(&query)?,
        before: super::position(query.get("after").unwrap_or_default())?,
        left: MAX_ENTRIES,
        format,
        is_begun: false,
    };
    access
        .issuer
        .audit
        .done_by(&access.caller.user, "exported the audit");
    let parts = futures_util::stream::unfold(Some(export), async |export| export?.part().await);
    let (media, name) = match format {
        Format::Csv => (
            "text/csv; charset=utf-8; header=present",
            "attachment; filename=\"audit.csv\"",
        ),
        Format::JsonLines => ("application/jsonl", "attachment; filename=\"audit.jsonl\""),
    };
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CONTENT_DISPOSITION, HeaderValue::from_static(name)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((head, Body::from_stream(parts)).into_response())
}

impl Export {
    /// The next part of the file, and what is left then. After an error there is nothing: the connection
    /// breaks off, so that nobody takes the file for whole.
    async fn part(mut self) -> Option<(Result<Bytes, StoreError>, Option<Self>)> {
        let limit = PAGE.min(self.left);
        let listing = self.issuer.store.audit(&self.filter, self.before, limit);
        let listing = match listing.await {
            Ok(listing) => listing,
            Err(error) => {
                tracing::warn!(%error, "an export of the audit has broken off");
                return Some((Err(error), None));
            }
        };
        let mut text = String::new();
        if self.format == Format::Csv && !self.is_begun {
            text.push_str(&csv_line(COLUMNS.into_iter()));
        }
        for entry in &listing.items {
            text.push_str(&self.format.line(entry));
        }
        self.is_begun = true;
        self.left = self.left.saturating_sub(listing.items.len());
        self.before = listing.items.last().map(|entry| entry.position);
        let goes_on = listing.next.is_some() && self.left > 0;
        Some((Ok(text.into()), goes_on.then_some(self)))
    }
}

impl Format {
    fn line(self, entry: &AuditEntry) -> String {
        match self {
            Self::JsonLines => {
                // What endpoints answer has no odd keys.
                let line = serde_json::to_string(&AuditAnswer::of(entry)).unwrap_or_default();
                line + "\n"
            }
            Self::Csv => {
                let (position, done_at) = (entry.position.to_string(), entry.done_at.0.to_string());
                let (time, kind) = (
                    entry.done_at.to_string(),
                    entry.actor_kind().name().to_owned(),
                );
                let optional = |text: &'_ Option<String>| text.clone().unwrap_or_default();
                let (actor, id) = (optional(&entry.actor_name), optional(&entry.actor));
                let title = optional(&entry.object_title);
                let fields = [
                    &position,
                    &done_at,
                    &time,
                    &kind,
                    &actor,
                    &id,
                    &entry.action,
                    &entry.object_kind,
                    &entry.object_name,
                    &title,
                    &entry.change,
                ];
                csv_line(fields.into_iter().map(String::as_str))
            }
        }
    }
}

/// A line of RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe, which makes
/// it text there.
fn csv_line<'f>(fields: impl Iterator<Item = &'f str>) -> String {
    let fields = fields.map(|field| {
        let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
            "'"
        } else {
            ""
        };
        format!("\"{guard}{}\"", field.replace('"', "\"\""))
    });
    let fields: Vec<String> = fields.collect();
    fields.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_of_csv_is_a_formula_or_ends_early() {
        for (field, expected) in [
            ("", "\"\"\r\n"),
            ("Web shop", "\"Web shop\"\r\n"),
            ("a\"b,c\nd", "\"a\"\"b,c\nd\"\r\n"),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\"\r\n"),
            ("+1", "\"'+1\"\r\n"),
            ("-1", "\"'-1\"\r\n"),
            ("@sum", "\"'@sum\"\r\n"),
            ("\t=1", "\"'\t=1\"\r\n"),
            ("\r=1", "\"'\r=1\"\r\n"),
            ("1-1", "\"1-1\"\r\n"),
        ] {
            assert_eq!(csv_line(std::iter::once(field)), expected, "{field:?}");
        }
    }
}
