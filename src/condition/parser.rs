//! Reads the text of a condition: one grammar rule for each function, bounded in length, nodes and
//! depth.

mod calls;
mod state;

use super::diagnostic::{Diagnostic, Span};
use super::function::Form;
use super::lexer::Token;
use super::syntax::{Connective, Expression, Field, Kind, Operator};
use state::{Parser, RESERVED};

const RELATIONS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
];
const SUMS: [(&str, Operator); 2] = [("+", Operator::Add), ("-", Operator::Subtract)];
const PRODUCTS: [(&str, Operator); 3] = [
    ("*", Operator::Multiply),
    ("/", Operator::Divide),
    ("%", Operator::Remainder),
];

/// The syntax tree of `text`, or the first thing wrong with it.
pub(super) fn parse(text: &str) -> Result<Expression, Diagnostic> {
    let mut parser = Parser::new(text)?;
    let expression = parser.condition()?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => Err(parser.unexpected("an operator, or the end of the condition")),
    }
}

impl Parser<'_> {
    fn condition(&mut self) -> Result<Expression, Diagnostic> {
        self.nested(|parser| {
            let first = parser.or()?;
            if !parser.take("?") {
                return Ok(first);
            }
            let then = parser.or()?;
            parser.expect(":")?;
            // To the right: `a ? b : c ? d : e` is `a ? b : (c ? d : e)`, as in CEL.
            let otherwise = parser.condition()?;
            let span = first.span.to(otherwise.span);
            let parts = Box::new((first, then, otherwise));
            parser.node(Kind::Conditional(parts), span)
        })
    }

    fn or(&mut self) -> Result<Expression, Diagnostic> {
        self.logic("||", Connective::Or, |parser| {
            parser.logic("&&", Connective::And, Self::relation)
        })
    }

    fn logic(
        &mut self,
        symbol: &str,
        connective: Connective,
        operand: impl Fn(&mut Self) -> Result<Expression, Diagnostic>,
    ) -> Result<Expression, Diagnostic> {
        let first = operand(self)?;
        if !self.is(symbol) {
            return Ok(first);
        }
        let start = first.span;
        let mut operands = vec![first];
        while self.take(symbol) {
            operands.push(operand(self)?);
        }
        self.node(
            Kind::Logic(connective, operands),
            start.to(self.last_span()),
        )
    }

    fn relation(&mut self) -> Result<Expression, Diagnostic> {
        let left = self.sum()?;
        let Some(operator) = self.take_relation() else {
            return Ok(left);
        };
        let right = self.sum()?;
        let at = self.span();
        // CEL reads `a < b < c` as `(a < b) < c`, a comparison with true or false, which nobody means.
        if self.take_relation().is_some() {
            return Err(Diagnostic::new(
                at,
                "comparisons cannot follow each other",
                "write `a < b && b < c`, or parentheses around one of the two",
            ));
        }
        self.binary(operator, left, right)
    }

    fn take_relation(&mut self) -> Option<Operator> {
        if self.peek() == &Token::Name("in") {
            self.skip();
            return Some(Operator::In);
        }
        self.take_one_of(&RELATIONS)
    }

    fn take_one_of(&mut self, operators: &[(&str, Operator)]) -> Option<Operator> {
        let mut all = operators.iter();
        let found = all.find(|(symbol, _)| self.take(symbol))?;
        Some(found.1)
    }

    fn sum(&mut self) -> Result<Expression, Diagnostic> {
        let mut left = self.product()?;
        while let Some(operator) = self.take_one_of(&SUMS) {
            let right = self.product()?;
            left = self.binary(operator, left, right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, Diagnostic> {
        let mut left = self.unary()?;
        while let Some(operator) = self.take_one_of(&PRODUCTS) {
            let right = self.unary()?;
            left = self.binary(operator, left, right)?;
        }
        Ok(left)
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: Expression,
        right: Expression,
    ) -> Result<Expression, Diagnostic> {
        let span = left.span.to(right.span);
        self.node(Kind::Binary(operator, Box::new((left, right))), span)
    }

    fn unary(&mut self) -> Result<Expression, Diagnostic> {
        let start = self.span();
        if self.take("!") {
            // Counted as nesting: `!!!!...` is as deep as it is long.
            let operand = self.nested(Self::unary)?;
            let span = start.to(operand.span);
            return self.node(Kind::Not(Box::new(operand)), span);
        }
        if !self.take("-") {
            return self.postfix();
        }
        // The least integer can be written with its sign only.
        if let Token::Int(magnitude) = *self.peek() {
            self.skip();
            let span = start.to(self.last_span());
            let value = 0_i64.checked_sub_unsigned(magnitude);
            return self.node(Kind::Int(value.unwrap_or(i64::MIN)), span);
        }
        let operand = self.nested(Self::unary)?;
        let span = start.to(operand.span);
        self.node(Kind::Negate(Box::new(operand)), span)
    }

    fn postfix(&mut self) -> Result<Expression, Diagnostic> {
        let mut of = self.primary()?;
        let start = of.span;
        loop {
            if self.take(".") {
                // The optional syntax of newer CEL. Told by name, because without it the message would
                // be about a `?` that is out of place.
                if self.is("?") {
                    return Err(Self::optional(self.span()));
                }
                let field = self.field()?;
                of = if self.is("(") {
                    self.method(of, &field)?
                } else {
                    let span = start.to(field.span);
                    self.node(Kind::Select(Box::new(of), field), span)?
                };
            } else if self.take("[") {
                if self.is("?") {
                    return Err(Self::optional(self.span()));
                }
                let key = self.condition()?;
                let span = start.to(self.expect("]")?);
                of = self.node(Kind::Index(Box::new(of), Box::new(key)), span)?;
            } else if self.is("{") {
                let help = "compare the parts one by one";
                return Err(Self::unsupported(self.span(), "messages", help));
            } else {
                return Ok(of);
            }
        }
    }

    fn optional(span: Span) -> Diagnostic {
        let help = "test first: `\"name\" in request.headers && request.headers[\"name\"] == ...`, \
                    or `has(token.name) && ...`";
        Self::unsupported(span, "optional values", help)
    }

    /// A name behind a dot. Words that CEL reserves may stand there, its keywords may not.
    fn field(&mut self) -> Result<Field, Diagnostic> {
        match *self.peek() {
            Token::Name(name) if !matches!(name, "true" | "false" | "null" | "in") => {
                let span = self.span();
                self.skip();
                Ok(Field {
                    name: name.into(),
                    span,
                })
            }
            _ => Err(self.unexpected("a name; any other key is written as `[\"key\"]`")),
        }
    }

    fn primary(&mut self) -> Result<Expression, Diagnostic> {
        let span = self.span();
        let kind = match self.peek().clone() {
            Token::Int(magnitude) => {
                let value = i64::try_from(magnitude).map_err(|_| out_of_range(span))?;
                Kind::Int(value)
            }
            Token::Double(value) => Kind::Double(value),
            Token::Text(text) => Kind::Text(text),
            Token::Name("true") => Kind::Bool(true),
            Token::Name("false") => Kind::Bool(false),
            Token::Name("null") => Kind::Null,
            Token::Name(name) => return self.name(name),
            Token::Symbol("(") => {
                self.skip();
                let mut inner = self.condition()?;
                inner.span = span.to(self.expect(")")?);
                return Ok(inner);
            }
            Token::Symbol("[") => {
                self.skip();
                let items = self.list_until("]")?;
                return self.node(Kind::List(items), span.to(self.last_span()));
            }
            Token::Symbol("{") => {
                let help = "compare the parts one by one";
                return Err(Self::unsupported(span, "maps", help));
            }
            Token::Symbol(_) | Token::End => return Err(self.unexpected("a value")),
        };
        self.skip();
        self.node(kind, span)
    }

    fn name(&mut self, name: &str) -> Result<Expression, Diagnostic> {
        let field = Field {
            name: name.into(),
            span: self.span(),
        };
        if RESERVED.contains(&name) {
            return Err(self.unexpected("a value"));
        }
        if self.is_followed_by("(") {
            self.skip();
            return match name {
                "has" => self.has(field.span),
                _ => self.call(Form::Global, &field, None),
            };
        }
        self.skip();
        self.node(Kind::Name(field.name), field.span)
    }
}

fn out_of_range(span: Span) -> Diagnostic {
    let help = "integers go from -9223372036854775808 to 9223372036854775807";
    Diagnostic::new(span, "the integer is out of range", help)
}
