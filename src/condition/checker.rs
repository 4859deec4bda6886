//! Resolves names and checks types: from a syntax tree to a program. All that is wrong is told at once.

mod calls;
mod names;
mod operators;

use std::collections::BTreeSet;

use super::diagnostic::{Diagnostic, Span};
use super::program::{Constant, Fact, Node, NodeKind, Quantification};
use super::syntax::{Connective, Expression, Kind, Quantified, Quantifier};
use super::types::{ClaimTypes, Type};

/// The deepest nesting of `exists` and `all`.
pub(super) const MAX_QUANTIFIERS: usize = 2;

/// What a condition can name.
#[derive(Debug, Clone, Copy)]
pub struct Names<'n> {
    /// The parameters of the route's path, in its order.
    pub parameters: &'n [&'n str],
    pub claims: &'n ClaimTypes,
    pub caller: Caller,
}

/// Whether there is a verified token whenever a condition is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The route asks for one.
    Verified,
    /// The route is public.
    PerhapsUnknown,
}

/// What a checked condition reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one thing whether it is read"
)]
pub(super) struct Uses {
    /// The names of claims, those of `has` included.
    pub(super) claims: BTreeSet<Box<str>>,
    /// Whether it reads the token or its issuer.
    pub(super) token: bool,
    /// Whether it asks if a claim is there.
    pub(super) tests_token: bool,
    pub(super) host: bool,
    /// Whether it reads from where the request comes.
    pub(super) source: bool,
    /// How many patterns it has.
    pub(super) patterns: usize,
}

/// The program of `expression`, or everything that is wrong with it.
pub(super) fn check(
    expression: &Expression,
    names: Names<'_>,
) -> Result<(Node, Uses), Vec<Diagnostic>> {
    let mut checker = Checker {
        names,
        variables: Vec::new(),
        diagnostics: Vec::new(),
        uses: Uses::default(),
    };
    let program = checker.truth(expression, "a condition");
    if checker.diagnostics.is_empty() {
        Ok((program, checker.uses))
    } else {
        Err(checker.diagnostics)
    }
}

struct Checker<'n> {
    names: Names<'n>,
    variables: Vec<Variable>,
    diagnostics: Vec<Diagnostic>,
    uses: Uses,
}

/// Of `exists` or `all`.
struct Variable {
    name: Box<str>,
    item: Type,
}

/// A node and the type of its value.
struct Typed {
    node: Node,
    of: Type,
}

impl Typed {
    fn new(kind: NodeKind, span: Span, of: Type) -> Self {
        Self {
            node: Node { kind, span },
            of,
        }
    }

    fn read(fact: Fact, span: Span, of: Type) -> Self {
        Self::new(NodeKind::Read(fact), span, of)
    }

    /// Stands for what could not be checked, so that the rest can be.
    fn unknown(span: Span) -> Self {
        Self::new(NodeKind::Constant(Constant::Null), span, Type::Dyn)
    }
}

impl Checker<'_> {
    fn complain(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::new(span, message, help));
    }

    fn refuse(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Typed {
        self.complain(span, message, help);
        Typed::unknown(span)
    }

    fn value(&mut self, expression: &Expression) -> Typed {
        let span = expression.span;
        let constant = |constant, of| Typed::new(NodeKind::Constant(constant), span, of);
        match &expression.kind {
            Kind::Null => constant(Constant::Null, Type::Null),
            Kind::Bool(value) => constant(Constant::Bool(*value), Type::Bool),
            Kind::Int(value) => constant(Constant::Int(*value), Type::Int),
            Kind::Double(value) => constant(Constant::Double(*value), Type::Double),
            Kind::Text(text) => constant(Constant::Text(text.clone()), Type::Text),
            Kind::Name(name) => self.name(name, span),
            Kind::List(items) => self.list(items, span),
            Kind::Select(of, field) => self.select(of, field, span),
            Kind::Has(of, field) => self.has(of, field, span),
            Kind::Index(of, key) => self.index(of, key, span),
            Kind::Not(of) => {
                let operand = Box::new(self.truth(of, "`!`"));
                Typed::new(NodeKind::Not(operand), span, Type::Bool)
            }
            Kind::Negate(of) => self.negate(of, span),
            Kind::Logic(connective, operands) => self.logic(*connective, operands, span),
            Kind::Binary(operator, operands) => self.binary(*operator, operands, span),
            Kind::Conditional(parts) => {
                let (test, then, otherwise) = &**parts;
                let test = self.truth(test, "`?`");
                // Both are checked, though one is evaluated: what is wrong in the other would show at
                // the first caller that it is for.
                let (then, otherwise) = (self.value(then), self.value(otherwise));
                let parts = Box::new((test, then.node, otherwise.node));
                let of = then.of.or(&otherwise.of);
                Typed::new(NodeKind::Conditional(parts), span, of)
            }
            Kind::Call(function, arguments) => self.call(*function, arguments, span),
            Kind::Quantified(quantified) => self.quantified(quantified, span),
        }
    }

    /// What must be true or false.
    fn truth(&mut self, expression: &Expression, user: &str) -> Node {
        let typed = self.value(expression);
        if !typed.of.may_be(&Type::Bool) {
            let (message, help) = match typed.of {
                Type::Text | Type::Int | Type::Double => (
                    format!(
                        "{user} needs true or false, and this is of type {}",
                        typed.of
                    ),
                    "compare it with a value, such as `== \"...\"`",
                ),
                _ => (
                    format!(
                        "{user} needs true or false, and this is of type {}",
                        typed.of
                    ),
                    "write a comparison, such as `\"admin\" in token.groups`",
                ),
            };
            self.complain(expression.span, message, help);
        }
        typed.node
    }

    fn list(&mut self, items: &[Expression], span: Span) -> Typed {
        let typed: Vec<Typed> = items.iter().map(|item| self.value(item)).collect();
        let mut nodes = Vec::with_capacity(typed.len());
        let mut item_type: Option<Type> = None;
        for item in typed {
            nodes.push(item.node);
            item_type = Some(match item_type {
                None => item.of,
                Some(known) => known.or(&item.of),
            });
        }
        let item_type = item_type.unwrap_or(Type::Dyn);
        Typed::new(NodeKind::List(nodes), span, Type::list(item_type))
    }

    fn logic(&mut self, connective: Connective, operands: &[Expression], span: Span) -> Typed {
        let user = match connective {
            Connective::And => "`&&`",
            Connective::Or => "`||`",
        };
        let nodes = operands.iter().map(|one| self.truth(one, user)).collect();
        Typed::new(NodeKind::Logic(connective, nodes), span, Type::Bool)
    }

    fn quantified(&mut self, quantified: &Quantified, span: Span) -> Typed {
        let user = match quantified.quantifier {
            Quantifier::Exists => "`exists`",
            Quantifier::All => "`all`",
        };
        let over = self.value(&quantified.over);
        let item = match over.of {
            Type::List(item) => *item,
            Type::Map(_) => Type::Text,
            Type::Dyn => Type::Dyn,
            other => {
                let message = format!("{user} needs a list, and this is of type {other}");
                let help = "for one value, write the comparison itself";
                self.complain(quantified.over.span, message, help);
                Type::Dyn
            }
        };
        let level = self.variables.len();
        // Each level multiplies the cost by the length of a list that the caller may choose.
        if level >= MAX_QUANTIFIERS {
            let message = format!("`exists` and `all` are nested deeper than {MAX_QUANTIFIERS}");
            return self.refuse(span, message, "split the condition into several");
        }
        self.check_is_new(&quantified.variable);
        self.variables.push(Variable {
            name: quantified.variable.name.clone(),
            item,
        });
        let body = self.truth(&quantified.body, user);
        // Before the quantification is made: what follows it must not see the variable.
        self.variables.pop();
        let quantification = Quantification {
            quantifier: quantified.quantifier,
            over: over.node,
            level,
            body,
        };
        let kind = NodeKind::Quantified(Box::new(quantification));
        Typed::new(kind, span, Type::Bool)
    }
}
