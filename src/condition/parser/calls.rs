//! Functions, methods and macros.

use super::state::Parser;
use crate::condition::diagnostic::{Diagnostic, Span};
use crate::condition::function::{Form, Function};
use crate::condition::syntax::{Expression, Field, Kind, Quantified, Quantifier};
use crate::problem::{closest, quoted};

impl Parser<'_> {
    pub(super) fn method(
        &mut self,
        receiver: Expression,
        name: &Field,
    ) -> Result<Expression, Diagnostic> {
        let quantifier = match &*name.name {
            "exists" => Quantifier::Exists,
            "all" => Quantifier::All,
            _ => return self.call(Form::Method, name, Some(receiver)),
        };
        let start = receiver.span;
        let arguments = self.arguments()?;
        let span = start.to(self.last_span());
        let Ok([variable, body]) = <[Expression; 2]>::try_from(arguments) else {
            return Err(Diagnostic::new(
                span,
                format!("`{}` takes a name and a condition", name.name),
                format!("write `list.{}(item, item == \"...\")`", name.name),
            ));
        };
        let Kind::Name(variable_name) = variable.kind else {
            return Err(Diagnostic::new(
                variable.span,
                format!("the first argument of `{}` is not a name", name.name),
                format!("write `list.{}(item, item == \"...\")`", name.name),
            ));
        };
        let parts = Box::new(Quantified {
            quantifier,
            over: receiver,
            variable: Field {
                name: variable_name,
                span: variable.span,
            },
            body,
        });
        self.node(Kind::Quantified(parts), span)
    }

    pub(super) fn call(
        &mut self,
        form: Form,
        name: &Field,
        receiver: Option<Expression>,
    ) -> Result<Expression, Diagnostic> {
        let Some((function, (least, most))) = Function::of_name(&name.name, form) else {
            return Err(unknown_function(form, name));
        };
        let start = receiver.as_ref().map_or(name.span, |first| first.span);
        let mut arguments = self.arguments()?;
        let span = start.to(self.last_span());
        if !(least..=most).contains(&arguments.len()) {
            let expected = match (least, most) {
                (0, 0) => "no argument".to_owned(),
                (1, 1) => "one argument".to_owned(),
                (least, most) => format!("{least} to {most} arguments"),
            };
            return Err(Diagnostic::new(
                span,
                format!("`{}` takes {expected}", name.name),
                format!("it has {} here", arguments.len()),
            ));
        }
        if let Some(receiver) = receiver {
            arguments.insert(0, receiver);
        }
        self.node(Kind::Call(function, arguments), span)
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, Diagnostic> {
        self.expect("(")?;
        self.list_until(")")
    }

    pub(super) fn list_until(&mut self, end: &str) -> Result<Vec<Expression>, Diagnostic> {
        let mut items = Vec::new();
        if self.take(end) {
            return Ok(items);
        }
        loop {
            items.push(self.condition()?);
            if self.take(end) {
                return Ok(items);
            }
            if !self.take(",") {
                return Err(self.unexpected(&format!("`,` or `{end}`")));
            }
        }
    }

    pub(super) fn has(&mut self, start: Span) -> Result<Expression, Diagnostic> {
        let arguments = self.arguments()?;
        let span = start.to(self.last_span());
        let only = <[Expression; 1]>::try_from(arguments);
        match only.map(|[only]| only.kind) {
            Ok(Kind::Select(of, field)) => self.node(Kind::Has(of, field), span),
            _ => Err(Diagnostic::new(
                span,
                "`has` takes one field, such as `has(token.email)`",
                "for any other key, write `\"key\" in token` or `\"name\" in request.headers`",
            )),
        }
    }
}

fn unknown_function(form: Form, name: &Field) -> Diagnostic {
    let written = quoted(&name.name);
    let kind = match form {
        Form::Global => "function",
        Form::Method => "method",
    };
    let known = || Function::names(form).collect::<Vec<_>>().join("`, `");
    if Function::is_unsupported(&name.name) {
        return Diagnostic::new(
            name.span,
            format!("the {kind} {written} is not supported"),
            format!("conditions have `{}`", known()),
        );
    }
    // Too far for a misspelling: `match`, `start`.
    let begun = || {
        Function::names(form).find(|known| name.name.len() > 3 && known.starts_with(&*name.name))
    };
    let help = match closest(&name.name, Function::names(form)).or_else(begun) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("conditions have `{}`", known()),
    };
    Diagnostic::new(name.span, format!("unknown {kind} {written}"), help)
}
