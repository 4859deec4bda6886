//! Splits the text of a condition into tokens (section "Syntax" of the CEL specification).

use super::diagnostic::{Diagnostic, Span};
use crate::problem::quoted;

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lexeme<'t> {
    pub(super) token: Token<'t>,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    Name(&'t str),
    /// Without its sign, which is a token of its own: the least integer has no positive counterpart.
    Int(u64),
    Double(f64),
    Text(Box<str>),
    Symbol(&'static str),
    End,
}

/// The longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "-", "+", "*", "/", "%", "(", ")", "[", "]",
    "{", "}", ".", ",", "?", ":", ";",
];

/// The tokens of `text`; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Lexeme<'_>>, Diagnostic> {
    let mut lexer = Lexer { text, rest: text };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.position();
        let token = lexer.next()?;
        let span = Span::new(start, lexer.position());
        let is_last = token == Token::End;
        tokens.push(Lexeme { token, span });
        if is_last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Lexer<'t> {
    fn position(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// What is wrong with what begins at `start` and ends here.
    fn fault(&self, start: usize, message: impl Into<String>, help: &str) -> Diagnostic {
        let end = self.position().max(start + 1);
        Diagnostic::new(Span::new(start, end), message, help)
    }

    fn first(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_char(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let first = chars.next();
        self.rest = chars.as_str();
        first
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|one| !wanted(one));
        let (taken, rest) = end
            .and_then(|end| self.rest.split_at_checked(end))
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(|one| matches!(one, ' ' | '\t' | '\r' | '\n' | '\u{c}'));
            if !self.skip("//") {
                return;
            }
            self.take_while(|one| one != '\n');
        }
    }

    fn next(&mut self) -> Result<Token<'t>, Diagnostic> {
        let start = self.position();
        match self.first() {
            None => Ok(Token::End),
            Some('"' | '\'') => self.text(start, Escapes::Read),
            Some('0'..='9') => self.number(start),
            Some('.') if self.rest.get(1..).is_some_and(starts_with_digit) => self.number(start),
            Some('a'..='z' | 'A'..='Z' | '_') => self.name(start),
            Some(other) => self.symbol(start, other),
        }
    }

    fn symbol(&mut self, start: usize, first: char) -> Result<Token<'t>, Diagnostic> {
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| self.skip(symbol)) {
            return Ok(Token::Symbol(symbol));
        }
        self.skip_char();
        let help = match first {
            '=' => "write `==` to compare",
            '&' => "write `&&` for \"and\"",
            '|' => "write `||` for \"or\"",
            '`' => "write a name with special characters as `token[\"name\"]`",
            '\u{2265}' => "write `>=`",
            '\u{2264}' => "write `<=`",
            '\u{2260}' => "write `!=`",
            '\u{201c}'..='\u{201f}' | '\u{2018}'..='\u{201b}' => {
                "write straight quotation marks, `\"` or `'`"
            }
            _ => "remove it, or write it within quotation marks",
        };
        let message = format!("unexpected character {}", quoted(&first.to_string()));
        Err(self.fault(start, message, help))
    }

    fn name(&mut self, start: usize) -> Result<Token<'t>, Diagnostic> {
        let name = self.take_while(is_of_name);
        if !self.rest.starts_with(['"', '\'']) {
            return Ok(Token::Name(name));
        }
        match name {
            "r" | "R" => self.text(start, Escapes::Keep),
            "b" | "B" | "br" | "bR" | "Br" | "BR" | "rb" | "rB" | "Rb" | "RB" => Err(self.fault(
                start,
                "bytes are not supported",
                "write a text: remove the `b`",
            )),
            _ => Ok(Token::Name(name)),
        }
    }

    fn number(&mut self, start: usize) -> Result<Token<'t>, Diagnostic> {
        if self.skip("0x") || self.skip("0X") {
            let digits = self.take_while(|one| one.is_ascii_hexdigit());
            let value = u64::from_str_radix(digits, 16).ok();
            return self.whole(start, value);
        }
        let before = self.rest;
        self.take_while(|one| one.is_ascii_digit());
        let mut is_whole = true;
        if self.rest.strip_prefix('.').is_some_and(starts_with_digit) {
            is_whole = false;
            self.skip(".");
            self.take_while(|one| one.is_ascii_digit());
        }
        if let Some(exponent) = self.rest.strip_prefix(['e', 'E'])
            && starts_with_digit(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
        {
            is_whole = false;
            self.rest = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            self.take_while(|one| one.is_ascii_digit());
        }
        let written = before.get(..before.len() - self.rest.len());
        let written = written.unwrap_or_default();
        if is_whole {
            return self.whole(start, written.parse().ok());
        }
        self.check_number_ends(start)?;
        match written.parse() {
            Ok(double) if f64::is_finite(double) => Ok(Token::Double(double)),
            _ => Err(self.fault(start, "the number is too large", "write a smaller number")),
        }
    }

    fn whole(&mut self, start: usize, value: Option<u64>) -> Result<Token<'t>, Diagnostic> {
        self.check_number_ends(start)?;
        let least = i64::MIN.unsigned_abs();
        value
            .filter(|value| *value <= least)
            .map(Token::Int)
            .ok_or_else(|| {
                let help = "integers go from -9223372036854775808 to 9223372036854775807";
                self.fault(start, "the integer is out of range", help)
            })
    }

    fn check_number_ends(&mut self, start: usize) -> Result<(), Diagnostic> {
        match self.take_while(is_of_name) {
            "" => Ok(()),
            "u" | "U" => Err(self.fault(
                start,
                "unsigned integers are not supported",
                "write the number without the `u`",
            )),
            _ => Err(self.fault(
                start,
                "the number is followed by letters",
                "write a space or an operator between them, or quotation marks around a text",
            )),
        }
    }

    fn text(&mut self, start: usize, escapes: Escapes) -> Result<Token<'t>, Diagnostic> {
        if self.rest.starts_with("\"\"\"") || self.rest.starts_with("'''") {
            return Err(self.fault(
                start,
                "texts over several lines are not supported",
                "write one quotation mark, and `\\n` for the end of a line",
            ));
        }
        let quote = self.skip_char();
        let mut text = String::new();
        loop {
            let at = self.position();
            match self.skip_char() {
                None | Some('\n' | '\r') => {
                    let help = "write the same quotation mark at its end";
                    return Err(self.fault(start, "the text does not end", help));
                }
                end if end == quote => return Ok(Token::Text(text.into())),
                Some('\\') if escapes == Escapes::Read => text.push(self.escaped(at)?),
                Some(other) => text.push(other),
            }
        }
    }

    /// The character that an escape stands for, whose backslash is at `start`.
    fn escaped(&mut self, start: usize) -> Result<char, Diagnostic> {
        let character = match self.skip_char() {
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some(same @ ('\\' | '"' | '\'')) => Some(same),
            Some('u') => {
                let digits = self.rest.get(..4).unwrap_or_default();
                let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
                self.rest = self.rest.get(4..).unwrap_or(self.rest);
                code.and_then(char::from_u32)
            }
            _ => None,
        };
        character.ok_or_else(|| {
            let help = "write one of \\\\ \\\" \\' \\n \\r \\t \\uXXXX, or `r\"...\"` for a text in \
                        which a backslash stands for itself";
            self.fault(start, "unknown escape in the text", help)
        })
    }
}

/// What backslashes mean within a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Read,
    Keep,
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn is_of_name(one: char) -> bool {
    one.is_ascii_alphanumeric() || one == '_'
}
