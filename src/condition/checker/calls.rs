//! Functions and methods.

use super::{Checker, Typed};
use crate::condition::diagnostic::{Diagnostic, Span};
use crate::condition::function::{Function, TimePart};
use crate::condition::pattern::Pattern;
use crate::condition::program::{Constant, NodeKind};
use crate::condition::syntax::{Expression, Kind};
use crate::condition::time::{Duration, Timestamp, zone_offset};
use crate::condition::types::Type;
use crate::problem::quoted;

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: &[Expression],
        span: Span,
    ) -> Typed {
        match (function, arguments) {
            (Function::Matches, [text, pattern]) => self.matches(text, pattern, span),
            (Function::Time(part), [time, zone @ ..]) => {
                self.time_part(part, time, zone.first(), span)
            }
            (Function::Timestamp, [only]) if matches!(only.kind, Kind::Text(_)) => {
                self.literal_timestamp(only, span)
            }
            (Function::Duration, [only]) if matches!(only.kind, Kind::Text(_)) => {
                self.literal_duration(only, span)
            }
            _ => self.plain_call(function, arguments, span),
        }
    }

    /// A function whose arguments are evaluated like any other value.
    fn plain_call(&mut self, function: Function, arguments: &[Expression], span: Span) -> Typed {
        let mut nodes = Vec::with_capacity(arguments.len());
        for (position, argument) in arguments.iter().enumerate() {
            let typed = self.value(argument);
            if !accepts(function, &typed.of) {
                let name = function.name();
                let what = match (position, is_method_of_text(function)) {
                    (1.., true) => format!("the argument of `{name}` is of type {}", typed.of),
                    _ => format!("`{name}` does not apply to a value of type {}", typed.of),
                };
                let help = match function {
                    Function::Contains | Function::StartsWith | Function::EndsWith
                        if matches!(typed.of, Type::List(_)) =>
                    {
                        "for an item of a list, write `\"...\" in list`"
                    }
                    Function::Size => "it counts the characters of a text or the items of a list",
                    Function::Text => {
                        "it takes a text, an integer, a bool, a timestamp or a duration"
                    }
                    Function::Int => "it takes an integer, a double, a text or a timestamp",
                    Function::Timestamp => {
                        "it takes seconds since 1970, or a text such as \
                                            `\"2027-01-01T00:00:00Z\"`"
                    }
                    Function::Duration => "it takes a text, such as `\"15m\"`",
                    _ => "it takes a text",
                };
                self.complain(argument.span, what, help);
            }
            nodes.push(typed.node);
        }
        Typed::new(NodeKind::Call(function, nodes), span, result(function))
    }

    /// Patterns are literals: compiling one is what costs, so that it happens once, at load.
    fn matches(&mut self, text: &Expression, pattern: &Expression, span: Span) -> Typed {
        let typed = self.value(text);
        if !typed.of.may_be(&Type::Text) {
            let message = format!("`matches` does not apply to a value of type {}", typed.of);
            self.complain(text.span, message, "it takes a text");
        }
        let Kind::Text(written) = &pattern.kind else {
            let message = "the pattern of `matches` is not a literal text";
            let help = "write the pattern in quotation marks; to compare two values, use `==`, \
                        `startsWith` or `contains`";
            return self.refuse(pattern.span, message, help);
        };
        match Pattern::compile(written) {
            Ok(pattern) => {
                self.uses.patterns += 1;
                let kind = NodeKind::Matches(Box::new(typed.node), Box::new(pattern.regex));
                Typed::new(kind, span, Type::Bool)
            }
            Err(mistake) => {
                self.diagnostics.push(Diagnostic {
                    span: pattern.span,
                    mistake,
                });
                Typed::unknown(span)
            }
        }
    }

    fn time_part(
        &mut self,
        part: TimePart,
        time: &Expression,
        zone: Option<&Expression>,
        span: Span,
    ) -> Typed {
        let typed = self.value(time);
        if !typed.of.may_be(&Type::Timestamp) {
            let name = Function::Time(part).name();
            let message = format!("`{name}` does not apply to a value of type {}", typed.of);
            let help = "it takes a timestamp, such as `now` or `timestamp(token.iat)`";
            self.complain(time.span, message, help);
        }
        let offset = match zone.map(|zone| &zone.kind) {
            None => Some(0),
            Some(Kind::Text(name)) => zone_offset(name),
            Some(_) => None,
        };
        let Some(offset) = offset else {
            let message = "the time zone is not a fixed offset";
            let help = "write an offset from UTC as a literal text, such as `\"+02:00\"`; it does \
                        not follow daylight saving time";
            return self.refuse(zone.map_or(span, |zone| zone.span), message, help);
        };
        let kind = NodeKind::TimePart(part, Box::new(typed.node), offset);
        Typed::new(kind, span, Type::Int)
    }

    fn literal_timestamp(&mut self, argument: &Expression, span: Span) -> Typed {
        let text = literal(argument);
        match Timestamp::parse(text) {
            Some(time) => {
                let kind = NodeKind::Constant(Constant::Timestamp(time));
                Typed::new(kind, span, Type::Timestamp)
            }
            None => self.refuse(
                argument.span,
                format!("{} is not a time", quoted(text)),
                "write date, time and offset (RFC 3339), such as `\"2027-01-01T00:00:00Z\"`",
            ),
        }
    }

    fn literal_duration(&mut self, argument: &Expression, span: Span) -> Typed {
        let text = literal(argument);
        match Duration::parse(text) {
            Some(duration) => {
                let kind = NodeKind::Constant(Constant::Duration(duration));
                Typed::new(kind, span, Type::Duration)
            }
            None => self.refuse(
                argument.span,
                format!("{} is not a duration", quoted(text)),
                "write numbers with `h`, `m`, `s` or `ms`, such as `\"1h30m\"`; a day is `\"24h\"`",
            ),
        }
    }
}

fn literal(expression: &Expression) -> &str {
    match &expression.kind {
        Kind::Text(text) => text,
        _ => "",
    }
}

fn is_method_of_text(function: Function) -> bool {
    matches!(
        function,
        Function::StartsWith
            | Function::EndsWith
            | Function::Contains
            | Function::LowerAscii
            | Function::Split
    )
}

/// Whether each argument of `function` can be of this type.
fn accepts(function: Function, of: &Type) -> bool {
    if *of == Type::Dyn {
        return true;
    }
    match function {
        Function::Size => matches!(of, Type::Text | Type::List(_) | Type::Map(_)),
        Function::Int => matches!(of, Type::Int | Type::Double | Type::Text | Type::Timestamp),
        Function::Text => matches!(
            of,
            Type::Text | Type::Int | Type::Bool | Type::Timestamp | Type::Duration
        ),
        Function::Timestamp => matches!(of, Type::Int | Type::Text | Type::Timestamp),
        Function::Duration => matches!(of, Type::Text | Type::Duration),
        Function::Time(_) => *of == Type::Timestamp,
        Function::StartsWith
        | Function::EndsWith
        | Function::Contains
        | Function::Matches
        | Function::LowerAscii
        | Function::Split => *of == Type::Text,
    }
}

fn result(function: Function) -> Type {
    match function {
        Function::Size | Function::Int | Function::Time(_) => Type::Int,
        Function::Text | Function::LowerAscii => Type::Text,
        Function::Timestamp => Type::Timestamp,
        Function::Duration => Type::Duration,
        Function::StartsWith | Function::EndsWith | Function::Contains | Function::Matches => {
            Type::Bool
        }
        Function::Split => Type::list(Type::Text),
    }
}
