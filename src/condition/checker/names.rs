//! Names: variables, and the fields of what conditions can read.

use super::{Checker, Typed};
use crate::condition::diagnostic::Span;
use crate::condition::program::{Fact, NodeKind};
use crate::condition::syntax::{Expression, Field, Kind};
use crate::condition::types::{AUDIENCES, SCOPES, Type};
use crate::problem::{closest, quoted};

/// The names that are not variables of `exists` or `all`.
const ROOTS: [&str; 5] = ["token", "path", "request", "issuer", "now"];

/// What has fields, and is read by its fields alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    Token,
    Path,
    Request,
    Headers,
    Query,
    Source,
}

const REQUEST_FIELDS: [&str; 8] = [
    "method", "host", "path", "scheme", "headers", "query", "source", "size",
];
const SOURCE_FIELDS: [&str; 2] = ["address", "principal"];

/// Headers with which proxies and content delivery networks say from where, and how, a request came to them.
const SOURCE_HEADERS: [&str; 25] = [
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-azure-clientip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
    "x-forwarded",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-original-forwarded-for",
    "x-real-ip",
];

impl Record {
    /// The record that an expression stands for, if it does.
    fn of(expression: &Expression) -> Option<Self> {
        match &expression.kind {
            Kind::Name(name) => match &**name {
                "token" => Some(Self::Token),
                "path" => Some(Self::Path),
                "request" => Some(Self::Request),
                _ => None,
            },
            Kind::Select(of, field) if Self::of(of) == Some(Self::Request) => match &*field.name {
                "headers" => Some(Self::Headers),
                "query" => Some(Self::Query),
                "source" => Some(Self::Source),
                _ => None,
            },
            _ => None,
        }
    }

    /// As conditions write it, and an example of a field.
    fn name_and_example(self) -> (&'static str, &'static str) {
        match self {
            Self::Token => ("token", "token.sub"),
            Self::Path => ("path", "path.user_id"),
            Self::Request => ("request", "request.method"),
            Self::Headers => ("request.headers", "request.headers[\"x-region\"]"),
            Self::Query => ("request.query", "request.query.limit"),
            Self::Source => ("request.source", "request.source.address"),
        }
    }
}

impl Checker<'_> {
    pub(super) fn name(&mut self, name: &str, span: Span) -> Typed {
        let variable = self.variables.iter().position(|known| *known.name == *name);
        let item = variable.and_then(|level| self.variables.get(level));
        if let (Some(level), Some(variable)) = (variable, item) {
            return Typed::new(NodeKind::Variable(level), span, variable.item.clone());
        }
        match name {
            "now" => Typed::read(Fact::Now, span, Type::Timestamp),
            "issuer" => {
                self.uses.token = true;
                Typed::read(Fact::Issuer, span, Type::Text)
            }
            "token" => self.not_a_value(Record::Token, span),
            "path" => self.not_a_value(Record::Path, span),
            "request" => self.not_a_value(Record::Request, span),
            _ => {
                let variables = self.variables.iter().map(|variable| &*variable.name);
                let help = match closest(name, ROOTS.into_iter().chain(variables)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "conditions know `{}`; a text is written in quotation marks",
                        ROOTS.join("`, `")
                    ),
                };
                self.refuse(span, format!("unknown variable {}", quoted(name)), help)
            }
        }
    }

    fn not_a_value(&mut self, record: Record, span: Span) -> Typed {
        let (name, example) = record.name_and_example();
        let message = format!("`{name}` is not a value by itself");
        self.refuse(
            span,
            message,
            format!("name a field of it, such as `{example}`"),
        )
    }

    /// A variable must not hide a name that means something else.
    pub(super) fn check_is_new(&mut self, variable: &Field) {
        let name = &*variable.name;
        let is_known = ROOTS.contains(&name)
            || self.variables.iter().any(|known| *known.name == *name)
            || matches!(name, "true" | "false" | "null");
        if is_known {
            let message = format!("the name {} means something else already", quoted(name));
            self.complain(variable.span, message, "choose another name");
        }
    }

    pub(super) fn select(&mut self, of: &Expression, field: &Field, span: Span) -> Typed {
        if let Some(record) = Record::of(of) {
            return match self.fact(record, &field.name, field.span) {
                Some((fact, of)) => Typed::read(fact, span, of),
                None => Typed::unknown(span),
            };
        }
        let of = self.value(of);
        let member = match of.of {
            Type::Map(member) => *member,
            Type::Dyn => Type::Dyn,
            other => {
                let message = format!("a value of type {other} has no fields");
                return self.refuse(span, message, "remove the field");
            }
        };
        let kind = NodeKind::Select(Box::new(of.node), field.name.clone());
        Typed::new(kind, span, member)
    }

    pub(super) fn has(&mut self, of: &Expression, field: &Field, span: Span) -> Typed {
        if let Some(record) = Record::of(of) {
            return self.presence(record, &field.name, field.span, span);
        }
        let of = self.value(of);
        if !matches!(of.of, Type::Map(_) | Type::Dyn) {
            let message = format!("a value of type {} has no fields", of.of);
            return self.refuse(span, message, "remove the field");
        }
        let kind = NodeKind::HasField(Box::new(of.node), field.name.clone());
        Typed::new(kind, span, Type::Bool)
    }

    /// Whether a field of a record is there.
    fn presence(&mut self, record: Record, name: &str, at: Span, span: Span) -> Typed {
        let Some((fact, _)) = self.fact(record, name, at) else {
            return Typed::unknown(span);
        };
        self.uses.tests_token |= record == Record::Token;
        Typed::new(NodeKind::Has(fact), span, Type::Bool)
    }

    pub(super) fn index(&mut self, of: &Expression, key: &Expression, span: Span) -> Typed {
        if let Some(record) = Record::of(of) {
            let Kind::Text(name) = &key.kind else {
                return self.key_not_literal(record, key.span);
            };
            return match self.fact(record, name, key.span) {
                Some((fact, of)) => Typed::read(fact, span, of),
                None => Typed::unknown(span),
            };
        }
        let (of, index) = (self.value(of), self.value(key));
        let (item, wanted) = match of.of {
            Type::List(item) => (*item, Type::Int),
            Type::Map(member) => (*member, Type::Text),
            Type::Dyn => (Type::Dyn, Type::Dyn),
            other => {
                let message = format!("a value of type {other} has no items");
                return self.refuse(span, message, "remove what is in brackets");
            }
        };
        if !index.of.is_comparable(&wanted) {
            let message = format!("the key is of type {}, not {wanted}", index.of);
            let help = match wanted {
                Type::Int => "write the position of an item; the first is 0",
                _ => "write a name in quotation marks",
            };
            return self.refuse(key.span, message, help);
        }
        let parts = Box::new((of.node, index.node));
        Typed::new(NodeKind::Index(parts), span, item)
    }

    /// `"key" in record`, or nothing where the right side is not a record.
    pub(super) fn in_record(
        &mut self,
        key: &Expression,
        of: &Expression,
        span: Span,
    ) -> Option<Typed> {
        let record = Record::of(of)?;
        Some(match (&key.kind, record) {
            (Kind::Text(name), Record::Token | Record::Headers | Record::Query) => {
                self.presence(record, name, key.span, span)
            }
            (_, Record::Token | Record::Headers | Record::Query) => {
                self.key_not_literal(record, key.span)
            }
            (_, Record::Path | Record::Request | Record::Source) => {
                self.not_a_value(record, of.span)
            }
        })
    }

    /// Only what a condition names is looked up.
    fn key_not_literal(&mut self, record: Record, span: Span) -> Typed {
        let (name, example) = record.name_and_example();
        let message = format!("the key of `{name}` is not a literal text");
        self.refuse(span, message, format!("name it, such as `{example}`"))
    }

    /// What a field of a record is, and the type of its value.
    fn fact(&mut self, record: Record, name: &str, at: Span) -> Option<(Fact, Type)> {
        match record {
            Record::Token => {
                self.uses.token = true;
                Some(self.claim(name))
            }
            Record::Path => self.parameter(name, at),
            Record::Headers => self.header(name, at),
            Record::Query => Some((Fact::Query(name.into()), Type::Text)),
            Record::Request => self.request_fact(name, at),
            Record::Source => {
                self.uses.source = true;
                match name {
                    "address" => Some((Fact::SourceAddress, Type::Text)),
                    "principal" => Some((Fact::SourcePrincipal, Type::Text)),
                    _ => self.unknown_field(record, name, &SOURCE_FIELDS, at),
                }
            }
        }
    }

    fn claim(&mut self, name: &str) -> (Fact, Type) {
        if name != SCOPES {
            self.uses.claims.insert(name.into());
        }
        let of = self.names.claims.of(name);
        match name {
            AUDIENCES => (Fact::Audiences, of),
            SCOPES => (Fact::Scopes, of),
            _ => (Fact::Claim(name.into(), of.clone()), of),
        }
    }

    fn request_fact(&mut self, name: &str, at: Span) -> Option<(Fact, Type)> {
        let text = |fact| Some((fact, Type::Text));
        match name {
            "method" => text(Fact::Method),
            "host" => {
                self.uses.host = true;
                text(Fact::Host)
            }
            "path" => text(Fact::Path),
            "scheme" => text(Fact::Scheme),
            "size" => Some((Fact::Size, Type::Int)),
            "headers" | "query" | "source" => {
                let record = match name {
                    "headers" => Record::Headers,
                    "query" => Record::Query,
                    _ => Record::Source,
                };
                self.not_a_value(record, at);
                None
            }
            _ => self.unknown_field(Record::Request, name, &REQUEST_FIELDS, at),
        }
    }

    fn parameter(&mut self, name: &str, at: Span) -> Option<(Fact, Type)> {
        let parameters = self.names.parameters;
        let position = parameters.iter().position(|known| *known == name);
        if let Some(position) = position {
            return Some((Fact::Parameter(position), Type::Text));
        }
        let message = format!("the path of the route has no parameter {}", quoted(name));
        let help = match (closest(name, parameters.iter().copied()), parameters) {
            (Some(near), _) => format!("did you mean `path.{near}`?"),
            (None, []) => format!("add `{{{name}}}` to the route's `path`"),
            (None, known) => format!("it has `path.{}`", known.join("`, `path.")),
        };
        self.complain(at, message, help);
        None
    }

    fn header(&mut self, name: &str, at: Span) -> Option<(Fact, Type)> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let (message, help) = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            (
                format!("the header name {} has upper-case letters", quoted(name)),
                format!("write {}", quoted(&name.to_ascii_lowercase())),
            )
        } else if name.is_empty() || !name.bytes().all(is_token) {
            let help = match name {
                ":path" => "write `request.path`",
                ":method" => "write `request.method`",
                ":authority" => "write `request.host`",
                ":scheme" => "write `request.scheme`",
                _ => "a name has letters, digits and `-`",
            };
            (
                format!("{} is not the name of a header", quoted(name)),
                help.to_owned(),
            )
        } else {
            self.uses.source |= SOURCE_HEADERS.contains(&name);
            return Some((Fact::Header(name.into()), Type::Text));
        };
        self.complain(at, message, help);
        None
    }

    fn unknown_field(
        &mut self,
        record: Record,
        name: &str,
        known: &[&'static str],
        at: Span,
    ) -> Option<(Fact, Type)> {
        let (of, _) = record.name_and_example();
        let help = match closest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{of}.{near}`?"),
            None => format!("it has `{}`", known.join("`, `")),
        };
        let message = format!("`{of}` has no field {}", quoted(name));
        self.complain(at, message, help);
        None
    }
}
