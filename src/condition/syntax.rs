//! The syntax tree of a condition: what is written, before names and types are looked at.

use super::diagnostic::Span;
use super::function::Function;

#[derive(Debug)]
pub(super) struct Expression {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// How many levels the tree has from here on down.
    pub(super) depth: usize,
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
    Name(Box<str>),
    List(Vec<Expression>),
    /// `of.field`
    Select(Box<Expression>, Field),
    /// `has(of.field)`
    Has(Box<Expression>, Field),
    /// `of[key]`
    Index(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    /// Two or more operands of `&&` or `||`, flat.
    Logic(Connective, Vec<Expression>),
    Binary(Operator, Box<(Expression, Expression)>),
    /// `if ? then : otherwise`
    Conditional(Box<(Expression, Expression, Expression)>),
    /// The receiver of a method is the first argument.
    Call(Function, Vec<Expression>),
    Quantified(Box<Quantified>),
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) span: Span,
}

/// `over.exists(variable, body)` or `over.all(variable, body)`
#[derive(Debug)]
pub(super) struct Quantified {
    pub(super) quantifier: Quantifier,
    pub(super) over: Expression,
    pub(super) variable: Field,
    pub(super) body: Expression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    Exists,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connective {
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// As conditions write it.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Expression {
    /// The expressions directly below this one.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Null
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Double(_)
            | Kind::Text(_)
            | Kind::Name(_) => Vec::new(),
            Kind::Select(of, _) | Kind::Has(of, _) | Kind::Not(of) | Kind::Negate(of) => vec![of],
            Kind::Index(of, key) => vec![of, key],
            Kind::Binary(_, operands) => vec![&operands.0, &operands.1],
            Kind::Conditional(parts) => vec![&parts.0, &parts.1, &parts.2],
            Kind::List(all) | Kind::Logic(_, all) | Kind::Call(_, all) => all.iter().collect(),
            Kind::Quantified(quantified) => vec![&quantified.over, &quantified.body],
        }
    }
}
