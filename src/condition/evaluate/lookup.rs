//! Looks facts up.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::Evaluation;
use crate::condition::facts::{Found, TokenFacts};
use crate::condition::fault::{Cause, Fault};
use crate::condition::program::{Fact, Node};
use crate::condition::query;
use crate::condition::types::{AUDIENCES, Type};
use crate::condition::value::{List, Value};

/// The steps of what has to be searched for behind the headers of the request, as many as a proxy usually
/// lets through.
const SEARCH: usize = 100;

impl<'e> Evaluation<'e, '_> {
    pub(super) fn read(&mut self, fact: &'e Fact, node: &'e Node) -> Result<Value<'e>, Fault> {
        let facts = self.facts;
        let attributes = facts.attributes;
        let missing = || Cause::Missing.at(node.span);
        let text = |text: Option<&'e str>| text.map(Value::text).ok_or_else(missing);
        match fact {
            Fact::Method => Ok(Value::text(facts.method)),
            Fact::Host => Ok(Value::text(facts.host)),
            Fact::Path => Ok(Value::text(facts.path)),
            Fact::Scheme => {
                self.spend(SEARCH, node)?;
                text(attributes.scheme())
            }
            Fact::SourceAddress => text(attributes.source_address()),
            Fact::SourcePrincipal => {
                // Callers without a certificate are ordinary: they have the empty name.
                let principal = attributes.source_principal().unwrap_or_default();
                Ok(Value::text(principal))
            }
            Fact::Size => {
                self.spend(SEARCH, node)?;
                attributes.size().map(Value::Int).ok_or_else(missing)
            }
            Fact::Header(name) => {
                let header = self.header(name, node)?.ok_or_else(missing)?;
                let text = std::str::from_utf8(header).ok();
                text.map(Value::text).ok_or(Cause::NotText.at(node.span))
            }
            Fact::Query(name) => {
                let parameter = self.query(name, node)?.ok_or_else(missing)?;
                let text = match parameter {
                    Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
                    Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
                };
                text.map(Value::Text).ok_or(Cause::NotText.at(node.span))
            }
            Fact::Parameter(position) => text(facts.parameters.get(*position).copied()),
            Fact::Claim(name, of) => self.claim(name, of, node),
            Fact::Audiences => self.audiences(node),
            Fact::Scopes => {
                let token = self.token(node)?;
                self.words_paid(Value::List(List::Words(token.scopes)), node)
            }
            Fact::Issuer => self.token(node).map(|token| Value::text(token.issuer)),
            Fact::Now => Ok(Value::Timestamp(self.facts.now)),
        }
    }

    pub(super) fn has(&mut self, fact: &'e Fact, node: &'e Node) -> Result<bool, Fault> {
        let attributes = self.facts.attributes;
        let claims = self.facts.token.map(|token| token.claims);
        let has_claim = |name: &str| claims.is_some_and(|claims| claims.contains_key(name));
        Ok(match fact {
            Fact::Method | Fact::Host | Fact::Path | Fact::SourcePrincipal | Fact::Now => true,
            Fact::Scheme => {
                self.spend(SEARCH, node)?;
                attributes.scheme().is_some()
            }
            Fact::SourceAddress => attributes.source_address().is_some(),
            Fact::Size => {
                self.spend(SEARCH, node)?;
                attributes.size().is_some()
            }
            // A header that came twice is a fault even here: which of the two the upstream takes is not
            // known.
            Fact::Header(name) => self.header(name, node)?.is_some(),
            Fact::Query(name) => self.query(name, node)?.is_some(),
            Fact::Parameter(position) => self.facts.parameters.get(*position).is_some(),
            Fact::Claim(name, _) => has_claim(name),
            Fact::Audiences => has_claim(AUDIENCES),
            Fact::Scopes | Fact::Issuer => claims.is_some(),
        })
    }

    fn token(&self, node: &Node) -> Result<TokenFacts<'e>, Fault> {
        self.facts.token.ok_or(Cause::Missing.at(node.span))
    }

    fn claim(&mut self, name: &str, of: &Type, node: &Node) -> Result<Value<'e>, Fault> {
        let value = self.token(node)?.claims.get(name);
        let value = value.ok_or(Cause::Missing.at(node.span))?;
        // Whether each item has the declared type is looked at below, and paid for before.
        if let Json::Array(items) = value
            && *of != Type::Dyn
        {
            self.spend(items.len(), node)?;
        }
        match (of, value) {
            // JSON does not tell `1` from `1.0`: what is declared a double is one, however the issuer
            // wrote it.
            (Type::Double, Json::Number(number)) => {
                let number = number.as_f64().ok_or(Cause::OutOfRange.at(node.span))?;
                Ok(Value::Double(number))
            }
            (of, value) if of.admits(value) => Ok(Value::from(value)),
            _ => Err(Cause::WrongType.at(node.span)),
        }
    }

    /// `aud` is a text or a list of texts (RFC 7519 section 4.1.3).
    fn audiences(&mut self, node: &Node) -> Result<Value<'e>, Fault> {
        let value = self.token(node)?.claims.get(AUDIENCES);
        match value.ok_or(Cause::Missing.at(node.span))? {
            one @ Json::String(_) => Ok(Value::List(List::Json(std::slice::from_ref(one)))),
            Json::Array(items) if items.iter().all(Json::is_string) => {
                self.spend(items.len(), node)?;
                Ok(Value::List(List::Json(items)))
            }
            _ => Err(Cause::WrongType.at(node.span)),
        }
    }

    fn header(&mut self, name: &str, node: &Node) -> Result<Option<&'e [u8]>, Fault> {
        let (found, looked_at) = self.facts.attributes.header(name);
        self.spend_bytes(looked_at, node)?;
        single(found, node)
    }

    fn query(&mut self, name: &str, node: &Node) -> Result<Option<Cow<'e, [u8]>>, Fault> {
        let query = self.facts.query;
        self.spend_bytes(query.len(), node)?;
        single(query::find(query, name), node)
    }
}

fn single<T>(found: Found<T>, node: &Node) -> Result<Option<T>, Fault> {
    match found {
        Found::Absent => Ok(None),
        Found::Once(value) => Ok(Some(value)),
        Found::Repeated => Err(Cause::Repeated.at(node.span)),
        Found::Unreadable => Err(Cause::NotText.at(node.span)),
    }
}
