//! Where the parser is in the tokens, and the bounds of what it makes of them.

use crate::condition::diagnostic::{Diagnostic, Span};
use crate::condition::lexer::{Lexeme, Token, tokens};
use crate::condition::syntax::{Expression, Kind};
use crate::problem::quoted;

/// The longest text.
const MAX_BYTES: usize = 2048;
const MAX_NODES: usize = 400;
/// The deepest tree. It is walked by recursion.
const MAX_DEPTH: usize = 24;
/// The deepest recursion of the parser, to which parentheses add that are not in the tree.
const MAX_NESTING: usize = 32;

/// Words that CEL keeps for itself.
pub(super) const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

pub(super) struct Parser<'t> {
    lexemes: Vec<Lexeme<'t>>,
    next: usize,
    nodes: usize,
    nesting: usize,
}

impl<'t> Parser<'t> {
    /// At the beginning of `text`, which is not empty.
    pub(super) fn new(text: &'t str) -> Result<Self, Diagnostic> {
        // Before the text is taken apart: positions in it are 32 bits wide, and a token costs more
        // memory than its letters.
        if text.len() > MAX_BYTES {
            return Err(Diagnostic::new(
                Span::START,
                format!("the condition is longer than {MAX_BYTES} bytes"),
                "split it into several; of a list of conditions all must hold",
            ));
        }
        let parser = Self {
            lexemes: tokens(text)?,
            next: 0,
            nodes: 0,
            nesting: 0,
        };
        if parser.peek() == &Token::End {
            return Err(Diagnostic::new(
                Span::START,
                "the condition is empty",
                "write what must hold, such as `token.sub == path.user_id`, or remove it",
            ));
        }
        Ok(parser)
    }

    /// Passes the token.
    pub(super) fn skip(&mut self) {
        self.next += 1;
    }

    fn lexeme(&self) -> &Lexeme<'t> {
        const END: Lexeme<'static> = Lexeme {
            token: Token::End,
            span: Span::START,
        };
        // The end is never passed.
        let last = self.lexemes.last().unwrap_or(&END);
        self.lexemes.get(self.next).unwrap_or(last)
    }

    pub(super) fn peek(&self) -> &Token<'t> {
        &self.lexeme().token
    }

    pub(super) fn span(&self) -> Span {
        self.lexeme().span
    }

    /// Where the token before this one is.
    pub(super) fn last_span(&self) -> Span {
        let last = self.next.checked_sub(1);
        let last = last.and_then(|last| self.lexemes.get(last));
        last.map_or(self.span(), |lexeme| lexeme.span)
    }

    pub(super) fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    pub(super) fn is_followed_by(&self, symbol: &str) -> bool {
        let following = self.lexemes.get(self.next + 1);
        following
            .is_some_and(|lexeme| matches!(lexeme.token, Token::Symbol(found) if found == symbol))
    }

    pub(super) fn take(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        self.next += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<Span, Diagnostic> {
        let span = self.span();
        if self.take(symbol) {
            Ok(span)
        } else {
            Err(self.unexpected(&format!("`{symbol}`")))
        }
    }

    pub(super) fn unexpected(&self, expected: &str) -> Diagnostic {
        let (message, help) = match self.peek() {
            Token::End => ("the condition ends too early".to_owned(), None),
            Token::Name(name) => (format!("unexpected {}", quoted(name)), word_help(name)),
            Token::Int(_) | Token::Double(_) => ("unexpected number".to_owned(), None),
            Token::Text(_) => ("unexpected text".to_owned(), None),
            Token::Symbol(symbol) => (format!("unexpected `{symbol}`"), None),
        };
        let help = help.map_or_else(|| format!("expected {expected}"), str::to_owned);
        Diagnostic::new(self.span(), message, help)
    }

    pub(super) fn unsupported(span: Span, what: &str, help: &str) -> Diagnostic {
        Diagnostic::new(span, format!("{what} are not supported"), help)
    }

    pub(super) fn node(&mut self, kind: Kind, span: Span) -> Result<Expression, Diagnostic> {
        let mut node = Expression {
            kind,
            span,
            depth: 1,
        };
        let below = node.parts().iter().map(|part| part.depth).max();
        node.depth += below.unwrap_or(0);
        self.nodes += 1;
        // Checker and evaluation walk the tree by recursion, so that its depth is that of their stack.
        if node.depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        if self.nodes > MAX_NODES {
            return Err(Diagnostic::new(
                span,
                format!("the condition has more than {MAX_NODES} parts"),
                "split it into several; of a list of conditions all must hold",
            ));
        }
        Ok(node)
    }

    /// Guards what calls itself before it has made a node.
    pub(super) fn nested(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Result<Expression, Diagnostic>,
    ) -> Result<Expression, Diagnostic> {
        if self.nesting >= MAX_NESTING {
            return Err(too_deep(self.span()));
        }
        self.nesting += 1;
        let parsed = rule(self);
        self.nesting -= 1;
        parsed
    }
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(
        span,
        format!("the condition is nested deeper than {MAX_DEPTH} levels"),
        "split it into several; of a list of conditions all must hold",
    )
}

fn word_help(word: &str) -> Option<&'static str> {
    match word {
        "and" | "AND" => Some("write `&&` for \"and\""),
        "or" | "OR" => Some("write `||` for \"or\""),
        "not" | "NOT" => Some("write `!` for \"not\""),
        word if RESERVED.contains(&word) => {
            Some("the word is reserved; write it as a key, such as `token[\"package\"]`")
        }
        _ => None,
    }
}
