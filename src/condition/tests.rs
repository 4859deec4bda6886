//! Conditions as policies have them, evaluated over requests and tokens written as JSON.

mod bounds;
mod cases;
mod conformance;
mod differential;
mod load;
mod warnings;

use serde_json::{Map, Value as Json, json};

use super::{
    Attributes, Budget, Caller, Cause, ClaimTypes, Condition, Diagnostic, Facts, Fault, Found,
    Names, Timestamp, TokenFacts,
};
use crate::problem::Place;

/// What a condition is evaluated over.
#[derive(Debug, Clone)]
struct Scene(Json);

/// A list as the value of a header stands for several headers of one name.
impl Attributes for Scene {
    fn header(&self, name: &str) -> (Found<&[u8]>, usize) {
        let headers = &self.0["request"]["headers"];
        let found = match &headers[name] {
            Json::Null => Found::Absent,
            Json::String(value) => Found::Once(value.as_bytes()),
            Json::Array(_) => Found::Repeated,
            _ => Found::Once(&b"\xff"[..]),
        };
        let all = headers.as_object().into_iter().flatten();
        let bytes = all.map(|(name, value)| name.len() + value.as_str().map_or(0, str::len));
        (found, bytes.sum())
    }

    fn scheme(&self) -> Option<&str> {
        self.text("/request/scheme")
    }

    fn source_address(&self) -> Option<&str> {
        self.text("/request/source/address")
    }

    fn source_principal(&self) -> Option<&str> {
        self.text("/request/source/principal")
    }

    fn size(&self) -> Option<i64> {
        self.0["request"]["size"].as_i64()
    }
}

impl Scene {
    fn new() -> Self {
        Self(json!({
            "token": {
                "sub": "alice",
                "iss": "https://id.shop.example",
                "aud": ["orders-api", "billing-api"],
                "client_id": "web-shop",
                "scope": "orders.read orders.write",
                "exp": 1_795_478_333,
                "iat": 1_795_474_733,
                "auth_time": 1_795_474_700,
                "acr": "2",
                "amr": ["pwd", "mfa"],
                "email": "alice@shop.example",
                "email_verified": true,
                "groups": ["dev", "ops", "admin"],
                "regions": ["eu", "us"],
                "roles": ["editor"],
                "realm_access": {"roles": ["reader", "editor"]},
                "resource_access": {"orders": {"roles": ["manager"]}},
                "tenant": "acme",
                "org": {"plan": "enterprise", "id": 7},
                "level": 3,
                "ratio": 0.5,
                "https://shop.example/roles": ["buyer"],
                "act": {"sub": "agent-7"},
            },
            "path": {"user_id": "alice", "tenant": "acme", "order_id": "77"},
            "request": {
                "method": "GET",
                "host": "api.shop.example",
                "path": "/users/alice/orders",
                "scheme": "https",
                "headers": {
                    "x-region": "eu",
                    "user-agent": "Mozilla/5.0",
                    "content-type": "application/json",
                    "x-forwarded-for": "10.1.2.3",
                },
                "query": "limit=10",
                "source": {
                    "address": "10.1.2.3",
                    "principal": "spiffe://mesh.example/ns/shop/sa/web",
                },
                "size": 512,
            },
            "issuer": "https://id.shop.example",
            "now": 1_795_475_000,
        }))
    }

    /// Changes of the form `/token/sub="bob"`: a JSON pointer and a value, or nothing to remove it.
    fn with(changes: &[&str]) -> Self {
        let mut scene = Self::new();
        for change in changes {
            let (pointer, value) = change.split_once('=').unwrap();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let name = name.replace("~1", "/");
            let parent = scene.0.pointer_mut(parent).unwrap().as_object_mut();
            let parent = parent.unwrap();
            match value {
                "" => parent.remove(&name),
                value => parent.insert(name, serde_json::from_str(value).unwrap()),
            };
        }
        scene
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str()
    }

    fn parameters(&self) -> Vec<(&str, &str)> {
        let parameters = self.0["path"].as_object().unwrap().iter();
        parameters
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect()
    }

    fn evaluate(&self, condition: &Condition) -> Result<bool, Fault> {
        self.evaluate_within(condition, &mut Budget::default())
    }

    fn evaluate_within(&self, condition: &Condition, budget: &mut Budget) -> Result<bool, Fault> {
        let parameters = self.parameters();
        let parameters: Vec<&str> = parameters.iter().map(|(_, value)| *value).collect();
        let token = self.0.get("token").and_then(Json::as_object);
        let facts = Facts {
            method: self.text("/request/method").unwrap(),
            host: self.text("/request/host").unwrap(),
            path: self.text("/request/path").unwrap(),
            query: self.text("/request/query").unwrap().as_bytes(),
            parameters: &parameters,
            attributes: self,
            token: token.map(|claims: &Map<String, Json>| TokenFacts {
                claims,
                scopes: self.text("/token/scope").unwrap_or_default(),
                issuer: self.text("/issuer").unwrap(),
            }),
            now: Timestamp::from_unix_seconds(self.0["now"].as_i64().unwrap()).unwrap(),
        };
        condition.evaluate(&facts, budget)
    }

    fn compile(&self, text: &str, claims: &ClaimTypes) -> Result<Condition, String> {
        let parameters = self.parameters();
        let parameters: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
        let names = Names {
            parameters: &parameters,
            claims,
            caller: Caller::Verified,
        };
        match Condition::compile(text, names) {
            Ok((condition, _)) => Ok(condition),
            Err(problems) => Err(shown(text, &problems)),
        }
    }
}

/// Each as `column: part of the text: message; help: ...`.
fn shown(text: &str, found: &[Diagnostic]) -> String {
    let lines = found.iter().map(|diagnostic| {
        let range = diagnostic.span.range();
        let place = Place {
            file: "when".to_owned(),
            line: 1,
            column: text.get(..range.start).unwrap().chars().count() + 1,
            bytes: None,
        };
        let part = text.get(range).unwrap_or_default();
        let problem = diagnostic.mistake.clone().at(place);
        format!("{part:?}\n  {problem}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What became of a condition.
fn outcome(text: &str, changes: &[&str]) -> Result<bool, Cause> {
    outcome_with(text, changes, &ClaimTypes::default())
}

fn outcome_with(text: &str, changes: &[&str], claims: &ClaimTypes) -> Result<bool, Cause> {
    let scene = Scene::with(changes);
    let condition = match scene.compile(text, claims) {
        Ok(condition) => condition,
        Err(problems) => panic!("{text}\n{problems}"),
    };
    scene.evaluate(&condition).map_err(|fault| fault.cause)
}
