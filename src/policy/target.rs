//! What a policy needs to know of a request to find its route: bytes, as the proxy sent them.

/// `:method`, case-sensitive (RFC 9110 section 9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method<'a>(pub &'a [u8]);

/// `:authority` or `Host`, raw: any case, perhaps with port and trailing dot, perhaps empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host<'a>(pub &'a [u8]);

/// `:path`, raw: with query, nothing decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<'a>(pub &'a [u8]);

/// What routes are found by.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub method: Method<'a>,
    pub host: Host<'a>,
    pub path: Path<'a>,
    /// Of a CORS preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`), the
    /// method that it asks for (Fetch standard, section 3.2.2).
    pub preflight: Option<Method<'a>>,
    /// Whether the content type says gRPC, whose paths end in `/package.Service/Method`.
    pub grpc: bool,
}

impl<'a> Path<'a> {
    /// The path up to its first `?`.
    pub fn without_query(self) -> &'a [u8] {
        self.0
            .split(|byte| *byte == b'?')
            .next()
            .unwrap_or_default()
    }

    /// What follows the first `?`; empty without one.
    pub fn query(self) -> &'a [u8] {
        let question = self.0.iter().position(|byte| *byte == b'?');
        question
            .and_then(|question| self.0.get(question + 1..))
            .unwrap_or_default()
    }
}
