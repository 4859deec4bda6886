//! What a condition may well mean, but its author perhaps does not: shapes that let in when a claim is
//! not what was expected.

use super::checker::{Caller, Names, Uses};
use super::diagnostic::Diagnostic;
use super::function::Function;
use super::pattern::Pattern;
use super::syntax::{Connective, Expression, Kind, Operator};
use super::types::Type;

/// The warnings about a condition without problems.
pub(super) fn warnings(expression: &Expression, names: Names<'_>, uses: &Uses) -> Vec<Diagnostic> {
    let mut finder = Finder {
        names,
        whole: expression,
        warnings: Vec::new(),
    };
    if names.caller == Caller::PerhapsUnknown && uses.token && !uses.tests_token {
        finder.warnings.push(Diagnostic::new(
            expression.span,
            "the route is public, and without a token this condition refuses",
            "write `has(token.sub) && ...`, or `access: authenticated`",
        ));
    }
    finder.walk(expression, Sense::Direct);
    finder.warnings
}

/// Whether a comparison that fails refuses, or may let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    Direct,
    Reversed,
}

struct Finder<'e> {
    names: Names<'e>,
    whole: &'e Expression,
    warnings: Vec<Diagnostic>,
}

impl<'e> Finder<'e> {
    fn walk(&mut self, expression: &'e Expression, sense: Sense) {
        match &expression.kind {
            Kind::Not(of) => {
                let reversed = match sense {
                    Sense::Direct => Sense::Reversed,
                    Sense::Reversed => Sense::Direct,
                };
                return self.walk(of, reversed);
            }
            Kind::Binary(operator, operands) => {
                self.comparison(*operator, operands, expression, sense);
                if matches!(operator, Operator::Equal | Operator::NotEqual) {
                    // `(a == b) == false` turns the sense around as well.
                    self.walk(&operands.0, Sense::Reversed);
                    return self.walk(&operands.1, Sense::Reversed);
                }
            }
            Kind::Conditional(parts) => {
                let (test, then, otherwise) = &**parts;
                self.walk(test, Sense::Reversed);
                self.walk(then, sense);
                return self.walk(otherwise, sense);
            }
            Kind::Call(Function::Matches, arguments) => self.pattern(arguments),
            Kind::Call(function, arguments) => self.affix(*function, arguments),
            _ => {}
        }
        for part in expression.parts() {
            self.walk(part, sense);
        }
    }

    /// Values of different types are never equal, so that `!=` and `!(... in ...)` hold for a claim
    /// that is a list where a text was expected.
    fn comparison(
        &mut self,
        operator: Operator,
        operands: &'e (Expression, Expression),
        whole: &'e Expression,
        sense: Sense,
    ) {
        let lets_in = match operator {
            Operator::Equal | Operator::In => sense == Sense::Reversed,
            Operator::NotEqual => sense == Sense::Direct,
            _ => false,
        };
        let is_null = |one: &Expression| matches!(one.kind, Kind::Null);
        if !lets_in || is_null(&operands.0) || is_null(&operands.1) {
            return;
        }
        let undeclared = self
            .undeclared(&operands.0)
            .or(self.undeclared(&operands.1));
        if let Some(claim) = undeclared {
            let message =
                format!("this lets callers in when `{claim}` does not have the expected type");
            let help =
                format!("declare it under `claims` of the policy, such as `{claim}: string`");
            self.warnings
                .push(Diagnostic::new(whole.span, message, help));
        }
    }

    /// The first claim without a known type in an expression.
    fn undeclared(&self, expression: &'e Expression) -> Option<&'e str> {
        if let Some(name) = claim(expression) {
            let is_known = self.names.claims.of(name) != Type::Dyn;
            return (!is_known).then_some(name);
        }
        if let Kind::Has(..) | Kind::Quantified(_) = expression.kind {
            return None;
        }
        let mut parts = expression.parts().into_iter();
        parts.find_map(|part| self.undeclared(part))
    }

    /// `startsWith` and its kin hold for an empty text.
    fn affix(&mut self, function: Function, arguments: &'e [Expression]) {
        let (Function::StartsWith | Function::EndsWith | Function::Contains, [_, part]) =
            (function, arguments)
        else {
            return;
        };
        if let Some(claim) = self.perhaps_empty(part) {
            let name = function.name();
            let message = format!("`{name}` holds for every text when `{claim}` is empty");
            let help = format!(
                "add what must follow or precede it, such as `token.{claim} + \"/\"`, or \
                 `token.{claim} != \"\" && ...`"
            );
            self.warnings
                .push(Diagnostic::new(part.span, message, help));
        }
    }

    /// The claim for which a text may be empty, unless the condition asks for its size.
    fn perhaps_empty(&self, text: &'e Expression) -> Option<&'e str> {
        match &text.kind {
            Kind::Binary(Operator::Add, parts) => {
                // Empty only if both are.
                self.perhaps_empty(&parts.0)
                    .and(self.perhaps_empty(&parts.1))
            }
            _ => claim(text).filter(|name| !is_tested(self.whole, name)),
        }
    }

    fn pattern(&mut self, arguments: &'e [Expression]) {
        let [_, pattern] = arguments else {
            return;
        };
        let Kind::Text(written) = &pattern.kind else {
            return;
        };
        if Pattern::compile(written).is_ok_and(|pattern| !pattern.is_anchored) {
            self.warnings.push(Diagnostic::new(
                pattern.span,
                "the pattern may match in the middle of the text",
                "write `^(...)$` around it to compare the whole text",
            ));
        }
    }
}

/// The claim that an expression is.
fn claim(expression: &Expression) -> Option<&str> {
    let is_token = |of: &Expression| matches!(&of.kind, Kind::Name(name) if **name == *"token");
    match &expression.kind {
        Kind::Select(of, field) if is_token(of) => Some(&field.name),
        Kind::Index(of, key) if is_token(of) => match &key.kind {
            Kind::Text(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the condition holds only where the claim has a size that it looked at.
fn is_tested(expression: &Expression, name: &str) -> bool {
    let is_it = |one: &Expression| claim(one) == Some(name);
    match &expression.kind {
        Kind::Call(Function::Size, arguments) => arguments.iter().any(is_it),
        Kind::Binary(Operator::NotEqual, operands) => {
            let is_empty =
                |one: &Expression| matches!(&one.kind, Kind::Text(text) if text.is_empty());
            (is_it(&operands.0) && is_empty(&operands.1))
                || (is_it(&operands.1) && is_empty(&operands.0))
        }
        Kind::Logic(Connective::And, operands) => operands.iter().any(|one| is_tested(one, name)),
        Kind::Logic(Connective::Or, _) => false,
        _ => expression
            .parts()
            .into_iter()
            .any(|one| is_tested(one, name)),
    }
}
