//! From a `CheckRequest` to the request that the gate judges.

use super::attributes::MessageAttributes;
use super::wire::{self, HeaderForm, HeaderVisitor, HttpAttributes, WireError};
use crate::gate::{
    AliasFinder, HeaderReader, HeaderView, MalformedCheck, MalformedRequest, Request,
    RequestSummary, SingleHeaders,
};
use crate::policy::{Host, Method, Path, Target};
use crate::token::Credentials;

/// Reads the message of a check.
pub(super) fn read<'a>(
    attributes: &'a MessageAttributes<'a>,
    finder: &'a AliasFinder,
) -> Result<Request<'a>, MalformedCheck<'a>> {
    let mut headers = Headers::new(finder);
    let read = wire::read_check_request(attributes.0, &mut headers);
    let http = read.map_err(MalformedRequest::from)?;
    let facts = headers.reader.facts();
    let target = Target {
        method: Method(http.method),
        host: Host(http.host),
        path: Path(http.path),
        preflight: None,
        grpc: facts.is_grpc(),
    };
    let request = RequestSummary::new(&target, facts);
    let understood = understand(&http, target, headers, finder, attributes);
    understood.map_err(|reason| MalformedCheck { reason, request })
}

fn understand<'a>(
    http: &HttpAttributes<'a>,
    target: Target<'a>,
    headers: Headers<'a, '_>,
    finder: &'a AliasFinder,
    attributes: &'a MessageAttributes<'a>,
) -> Result<Request<'a>, MalformedRequest> {
    let Headers {
        reader,
        singles,
        pseudo,
        view,
    } = headers;
    let facts = reader.finish()?;
    if !pseudo.agree_with(http) {
        return Err(MalformedRequest::TargetAtOdds);
    }
    let credentials = singles.credentials(finder)?;
    let own_query = http.path.iter().position(|&byte| byte == b'?');
    let own_query = own_query.and_then(|at| http.path.get(at + 1..));
    // Envoy leaves both empty. Of a proxy that fills them, it is unknown which one its upstream gets.
    if !http.fragment.is_empty()
        || (!http.query.is_empty() && own_query.is_none_or(|query| query != http.query))
    {
        return Err(MalformedRequest::QueryAtOdds);
    }
    let preflight = if facts.may_be_preflight(target.method) {
        singles.requested_method()?
    } else {
        None
    };
    Ok(Request {
        target: Target {
            preflight,
            ..target
        },
        credentials,
        headers: facts,
        attributes,
        view,
        held_bytes: attributes.0.len(),
    })
}

impl From<WireError> for MalformedRequest {
    fn from(error: WireError) -> Self {
        match error {
            WireError::NotProtobuf => Self::NotProtobuf,
            WireError::RepeatedField => Self::RepeatedField,
            WireError::NoHttpAttributes => Self::NoHttpAttributes,
        }
    }
}

/// Takes the headers in either form.
struct Headers<'a, 'f> {
    reader: HeaderReader<'a, 'f>,
    singles: BothForms<'a>,
    pseudo: PseudoHeaders<'a>,
    view: HeaderView,
}

impl<'f> Headers<'_, 'f> {
    fn new(finder: &'f AliasFinder) -> Self {
        Self {
            reader: HeaderReader::new(finder),
            singles: BothForms::default(),
            pseudo: PseudoHeaders::default(),
            // Envoy shows pseudo-headers, unless `allowed_headers` does not list them: then others
            // are held back as well.
            view: HeaderView::Filtered,
        }
    }
}

impl<'a> HeaderVisitor<'a> for Headers<'a, '_> {
    fn header(&mut self, form: HeaderForm, name: &'a [u8], value: &'a [u8]) {
        self.reader.read(name, value, self.singles.of(form));
        if name.first() == Some(&b':') {
            self.view = HeaderView::Whole;
            if form == HeaderForm::Listed {
                self.pseudo.note(name, value);
            }
        }
    }
}

/// The headers that may come once only, by the form that they came in. Envoy sends one form. Where
/// both came they must say the same, because it is unknown from which one the upstream is served.
#[derive(Default)]
struct BothForms<'a> {
    merged: Option<SingleHeaders<'a>>,
    listed: Option<SingleHeaders<'a>>,
}

impl<'a> BothForms<'a> {
    fn of(&mut self, form: HeaderForm) -> &mut SingleHeaders<'a> {
        let singles = match form {
            HeaderForm::Merged => &mut self.merged,
            HeaderForm::Listed => &mut self.listed,
        };
        singles.get_or_insert_default()
    }

    fn credentials(&self, finder: &'a AliasFinder) -> Result<Credentials<'a>, MalformedRequest> {
        let of = |singles: &SingleHeaders<'a>| singles.credentials(finder);
        let [merged, listed] = [&self.merged, &self.listed].map(|form| form.as_ref().map(of));
        match (merged, listed) {
            (Some(merged), Some(listed)) if merged != listed => {
                Err(MalformedRequest::HeadersAtOdds)
            }
            (merged, listed) => Ok(listed.or(merged).unwrap_or(Credentials::NONE)),
        }
    }

    fn requested_method(&self) -> Result<Option<Method<'a>>, MalformedRequest> {
        let of = |singles: &Option<SingleHeaders<'a>>| match singles {
            Some(singles) => singles.requested_method(),
            None => Ok(None),
        };
        match (of(&self.merged)?, of(&self.listed)?) {
            (Some(merged), Some(listed)) if merged != listed => {
                Err(MalformedRequest::PreflightMethods)
            }
            (merged, listed) => Ok(listed.or(merged)),
        }
    }
}

/// The pseudo-headers as they came (`header_map`).
///
/// Envoy replaces what is not UTF-8 by `!` in the attributes, and sends the upstream what came.
#[derive(Default)]
struct PseudoHeaders<'a> {
    method: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
}

impl<'a> PseudoHeaders<'a> {
    fn note(&mut self, name: &[u8], value: &'a [u8]) {
        match name {
            b":method" => self.method = Some(value),
            b":authority" => self.host = Some(value),
            b":path" => self.path = Some(value),
            _ => {}
        }
    }

    fn agree_with(&self, http: &HttpAttributes<'_>) -> bool {
        self.method.is_none_or(|method| method == http.method)
            && self.host.is_none_or(|host| host == http.host)
            && self.path.is_none_or(|path| path == http.path)
    }
}
