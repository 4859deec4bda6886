//! A request as a person writes it, and as the gate reads it.

use anyhow::{bail, ensure};

use super::surroundings::{Surrounding, Surroundings, Unsaid};
use crate::condition::{Attributes, Found};
use crate::gate::{
    AliasFinder, HeaderReader, HeaderView, MalformedCheck, MalformedRequest, Request,
    RequestSummary, SingleHeaders,
};
use crate::policy::{Host, Method, Path, Target};

/// The most headers, and the longest request line and header, in bytes: more than proxies take.
const MAX_HEADERS: usize = 256;
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Method, host, path and headers, as a proxy would show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cli) struct AskedRequest {
    pub(in crate::cli) method: String,
    pub(in crate::cli) host: String,
    /// With the query.
    pub(in crate::cli) path: String,
    /// In order; names may be repeated.
    pub(in crate::cli) headers: Vec<(String, String)>,
    pub(in crate::cli) surroundings: Surroundings,
    pub(in crate::cli) unsaid: Unsaid,
}

impl AskedRequest {
    /// A request by its method and its URL, or by a path alone; `host` is among the headers then, or
    /// empty. Nothing is normalized: what is malformed has to stay so.
    pub(in crate::cli) fn new(
        method: &str,
        url: &str,
        headers: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        ensure!(
            method.len() <= MAX_LINE_BYTES && url.len() <= MAX_LINE_BYTES,
            "the method or the URL is longer than {MAX_LINE_BYTES} bytes, which no proxy passes on"
        );
        let (scheme, host, path) = match url.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                let (host, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (Some(scheme.to_ascii_lowercase()), host, with_root(path))
            }
            _ if url.starts_with('/') || url == "*" || url.is_empty() => (None, "", url.to_owned()),
            _ => bail!(
                "`{url}` is neither a URL nor a path: write `https://shop.example/orders/1` or \
                 `/orders/1`"
            ),
        };
        let mut request = Self {
            method: method.to_owned(),
            host: host.to_owned(),
            path,
            surroundings: Surroundings {
                scheme,
                ..Surroundings::default()
            },
            ..Self::default()
        };
        for (name, value) in headers {
            request.add_header(name, value)?;
        }
        Ok(request)
    }

    /// The same, with this told by the proxy.
    pub(in crate::cli) fn within(mut self, surroundings: &Surroundings) -> Self {
        self.surroundings = surroundings.or(&self.surroundings);
        self
    }

    /// What conditions have read of it and nobody has said: without it nobody can tell the answer.
    pub(in crate::cli) fn unsaid(&self) -> Vec<Surrounding> {
        self.unsaid.list()
    }

    fn told<T>(&self, surrounding: Surrounding, said: Option<T>) -> Option<T> {
        if said.is_none() {
            self.unsaid.add(surrounding);
        }
        said
    }

    fn add_header(&mut self, name: String, value: String) -> anyhow::Result<()> {
        ensure!(
            self.headers.len() < MAX_HEADERS && value.len() <= MAX_LINE_BYTES,
            "more than {MAX_HEADERS} headers, or one of more than {MAX_LINE_BYTES} bytes"
        );
        // Proxies show `Host` as the authority and not among the headers.
        if name.eq_ignore_ascii_case("host") {
            self.host = value;
        } else {
            self.headers.push((name, value));
        }
        Ok(())
    }

    /// Adds a token in this header, or as `Authorization`.
    pub(super) fn add_token(&mut self, token: &str, header: Option<&str>) {
        self.headers.push(match header {
            Some(header) => (header.to_owned(), token.to_owned()),
            None => ("authorization".to_owned(), format!("Bearer {token}")),
        });
    }

    /// As a front end reads it that is shown all headers.
    pub(super) fn read<'a>(
        &'a self,
        finder: &'a AliasFinder,
    ) -> Result<Request<'a>, MalformedCheck<'a>> {
        let mut reader = HeaderReader::new(finder);
        let mut singles = SingleHeaders::default();
        for (name, value) in &self.headers {
            reader.read(name.as_bytes(), value.as_bytes(), &mut singles);
        }
        let target = Target {
            method: Method(self.method.as_bytes()),
            host: Host(self.host.as_bytes()),
            path: Path(self.path.as_bytes()),
            preflight: None,
            grpc: reader.facts().is_grpc(),
        };
        let request = RequestSummary::new(&target, reader.facts());
        let understood = understand(reader, &singles, finder, target, self);
        understood.map_err(|reason| MalformedCheck { reason, request })
    }

    /// `GET https://shop.example/orders/1`, as a title; without a scheme that nobody has said.
    pub(in crate::cli) fn title(&self) -> String {
        let scheme = self.surroundings.scheme.as_deref();
        let scheme = scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
        match self.host.as_str() {
            "" => format!("{} {}", self.method, self.path),
            host => format!("{} {scheme}{host}{}", self.method, self.path),
        }
    }

    /// The same as it can be read again, by which a scheme is `https` unless it is said.
    pub(in crate::cli) fn line(&self) -> String {
        match self.host.as_str() {
            "" => format!("{} {}", self.method, self.path),
            host => {
                let scheme = self.surroundings.scheme.as_deref().unwrap_or("https");
                format!("{} {scheme}://{host}{}", self.method, self.path)
            }
        }
    }
}

/// As a proxy would tell it. An empty text and a negative size are what it does not tell.
impl Attributes for AskedRequest {
    fn header(&self, name: &str) -> (Found<&[u8]>, usize) {
        let mut values = self.headers.iter();
        let mut next = || values.find(|(known, _)| known.eq_ignore_ascii_case(name));
        let found = match (next(), next()) {
            (None, _) => Found::Absent,
            (Some((_, value)), None) => Found::Once(value.as_bytes()),
            (Some(_), Some(_)) => Found::Repeated,
        };
        let all = self.headers.iter();
        let bytes = all.map(|(name, value)| name.len() + value.len());
        (found, bytes.sum())
    }

    fn scheme(&self) -> Option<&str> {
        let said = self.surroundings.scheme.as_deref();
        self.told(Surrounding::Scheme, said)
    }

    fn source_address(&self) -> Option<&str> {
        let said = self.surroundings.source_address.as_deref();
        let said = self.told(Surrounding::SourceAddress, said);
        said.filter(|address| !address.is_empty())
    }

    fn source_principal(&self) -> Option<&str> {
        let said = self.surroundings.source_principal.as_deref();
        let said = self.told(Surrounding::SourcePrincipal, said);
        said.filter(|principal| !principal.is_empty())
    }

    fn size(&self) -> Option<i64> {
        let said = self.told(Surrounding::Size, self.surroundings.size);
        said.filter(|size| *size >= 0)
    }
}

fn understand<'a>(
    reader: HeaderReader<'a, '_>,
    singles: &SingleHeaders<'a>,
    finder: &'a AliasFinder,
    target: Target<'a>,
    attributes: &'a AskedRequest,
) -> Result<Request<'a>, MalformedRequest> {
    let headers = reader.finish()?;
    let preflight = if headers.may_be_preflight(target.method) {
        singles.requested_method()?
    } else {
        None
    };
    Ok(Request {
        target: Target {
            preflight,
            ..target
        },
        credentials: singles.credentials(finder),
        headers,
        attributes,
        view: HeaderView::Whole,
        held_bytes: 0,
    })
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Clients send `/` for a URL without a path (RFC 9112 section 3.2.1).
fn with_root(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// `name: value`, as curl's `-H` takes it.
pub(in crate::cli) fn parse_header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => {
            Ok((name.to_owned(), value.trim_ascii().to_owned()))
        }
        _ => Err(format!(
            "`{text}` is not a header: write `name: value`, such as `accept: text/html`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_paths_are_taken_as_they_are() {
        for (url, host, path) in [
            (
                "https://shop.example/orders/1?a=b",
                "shop.example",
                "/orders/1?a=b",
            ),
            ("http://shop.example:8443", "shop.example:8443", "/"),
            ("https://shop.example?a=b", "shop.example", "/?a=b"),
            ("https://[::1]:80/a/../b//c", "[::1]:80", "/a/../b//c"),
            ("/orders/%2f", "", "/orders/%2f"),
            ("/a://b", "", "/a://b"),
            ("*", "", "*"),
        ] {
            let request = AskedRequest::new("GET", url, Vec::new()).unwrap();
            assert_eq!((&*request.host, &*request.path), (host, path), "{url}");
        }
        let error = AskedRequest::new("GET", "orders/1", Vec::new()).unwrap_err();
        assert!(error.to_string().contains("neither a URL nor a path"));
    }

    #[test]
    fn the_scheme_is_that_of_the_url_and_what_nobody_says_is_noticed() {
        for (url, scheme, line) in [
            ("http://a.example/b", Some("http"), "GET http://a.example/b"),
            (
                "HTTPS://a.example/b",
                Some("https"),
                "GET https://a.example/b",
            ),
            ("/b", None, "GET /b"),
        ] {
            let request = AskedRequest::new("GET", url, Vec::new()).unwrap();
            assert_eq!(request.scheme(), scheme, "{url}");
            assert_eq!(request.unsaid().is_empty(), scheme.is_some(), "{url}");
            assert_eq!(request.line(), line);
        }
        let request = AskedRequest::new("GET", "/b", Vec::new()).unwrap();
        assert_eq!((request.source_address(), request.size()), (None, None));
        let unsaid = [Surrounding::SourceAddress, Surrounding::Size];
        assert_eq!(request.unsaid(), unsaid);
        let said = request.clone().within(&Surroundings {
            source_address: Some(String::new()),
            size: Some(-1),
            ..Surroundings::default()
        });
        assert_eq!((said.source_address(), said.size()), (None, None));
        assert_eq!(said.unsaid(), []);
    }

    #[test]
    fn the_header_host_is_the_authority() {
        let header = parse_header("Host: a.example").unwrap();
        let request = AskedRequest::new("GET", "/a", vec![header]).unwrap();
        assert_eq!((&*request.host, request.headers.len()), ("a.example", 0));
        assert!(parse_header("nothing").is_err());
        assert!(parse_header(": nothing").is_err());
    }
}
