//! Protobuf wire format, read in place: `CheckRequest` without a copy or an allocation.
//!
//! Only the fields that a decision needs are looked at (field numbers of
//! `envoy/service/auth/v3/external_auth.proto` and `attribute_context.proto`). Nothing is
//! assumed of text: header values and paths are bytes, so invalid UTF-8 cannot turn into a
//! decoding error, which a proxy may be configured to treat as an allow.

/// The bytes are not a `CheckRequest` that could be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// Not protobuf, or cut off.
    #[error("the message is not protobuf")]
    NotProtobuf,
    /// A field that may appear once appears twice; two readers might pick different ones.
    #[error("a field appears twice")]
    RepeatedField,
    /// No HTTP attributes: a network filter asks, or a proxy that sends nothing to judge.
    #[error("the message has no HTTP attributes")]
    NoHttpAttributes,
}

/// `AttributeContext.HttpRequest`, borrowed from the message.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct HttpAttributes<'a> {
    /// Field 2.
    pub(super) method: &'a [u8],
    /// Field 4, with query.
    pub(super) path: &'a [u8],
    /// Field 5.
    pub(super) host: &'a [u8],
    /// Field 7, always empty in Envoy.
    pub(super) query: &'a [u8],
    /// Field 8, always empty in Envoy.
    pub(super) fragment: &'a [u8],
}

/// In which of its two forms a header came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderForm {
    /// `headers`: a map; values of one name are joined by commas, invalid UTF-8 is replaced.
    Merged,
    /// `header_map`: a list of raw bytes, one entry a header line (`encode_raw_headers`).
    Listed,
}

/// Receives the headers while the message is walked.
pub(super) trait HeaderVisitor<'a> {
    fn header(&mut self, form: HeaderForm, name: &'a [u8], value: &'a [u8]);
}

/// Walks a `CheckRequest`, giving each header to `visitor`.
pub(super) fn read_check_request<'a>(
    message: &'a [u8],
    visitor: &mut impl HeaderVisitor<'a>,
) -> Result<HttpAttributes<'a>, WireError> {
    let attributes = only(message, 1)?.ok_or(WireError::NoHttpAttributes)?;
    let request = only(attributes, 4)?.ok_or(WireError::NoHttpAttributes)?;
    let http = only(request, 2)?.ok_or(WireError::NoHttpAttributes)?;
    read_http(http, visitor)
}

fn read_http<'a>(
    http: &'a [u8],
    visitor: &mut impl HeaderVisitor<'a>,
) -> Result<HttpAttributes<'a>, WireError> {
    let mut attributes = HttpAttributes::default();
    let mut seen = 0_u32;
    let mut fields = Fields(http);
    while let Some((number, value)) = fields.next_field()? {
        let place = match number {
            2 => &mut attributes.method,
            4 => &mut attributes.path,
            5 => &mut attributes.host,
            7 => &mut attributes.query,
            8 => &mut attributes.fragment,
            3 => {
                let header = read_header(value)?;
                visitor.header(HeaderForm::Merged, header.name, header.text);
                continue;
            }
            13 => {
                read_header_map(value, visitor)?;
                continue;
            }
            // Fields of a newer Envoy. Were they an error, an upgrade of the proxy would end all
            // traffic; what they say about the request has no part in the decision.
            _ => continue,
        };
        let bit = 1 << number;
        // Protobuf lets the last one count. Envoy writes each once, and of two the upstream may get the
        // other.
        if seen & bit != 0 {
            return Err(WireError::RepeatedField);
        }
        seen |= bit;
        *place = value;
    }
    Ok(attributes)
}

fn read_header_map<'a>(
    map: &'a [u8],
    visitor: &mut impl HeaderVisitor<'a>,
) -> Result<(), WireError> {
    let mut fields = Fields(map);
    while let Some((number, value)) = fields.next_field()? {
        if number == 1 {
            let header = read_header(value)?;
            // Envoy leaves `value` empty when it fills `raw_value`.
            let text = if header.raw.is_empty() {
                header.text
            } else {
                header.raw
            };
            visitor.header(HeaderForm::Listed, header.name, text);
        }
    }
    Ok(())
}

/// A header in either form.
struct Header<'a> {
    name: &'a [u8],
    text: &'a [u8],
    raw: &'a [u8],
}

/// A map entry or a `HeaderValue`: name (1), value (2) and raw value (3).
fn read_header(header: &[u8]) -> Result<Header<'_>, WireError> {
    let mut parts: [&[u8]; 4] = [&[]; 4];
    let mut fields = Fields(header);
    while let Some((number, value)) = fields.next_field()? {
        if let Some(part) = usize::try_from(number)
            .ok()
            .and_then(|at| parts.get_mut(at))
        {
            *part = value;
        }
    }
    let [_, name, text, raw] = parts;
    Ok(Header { name, text, raw })
}

/// `AttributeContext.HttpRequest.scheme` (6).
pub(super) fn scheme(message: &[u8]) -> Option<&[u8]> {
    last(http(message)?, 6)
}

/// `AttributeContext.HttpRequest.size` (9); nothing where the proxy does not know it.
pub(super) fn size(message: &[u8]) -> Option<i64> {
    let mut size = None;
    let mut fields = Fields(http(message)?);
    while let Some((number, value)) = fields.next_any().ok()? {
        if let (9, FieldValue::Varint(value)) = (number, value) {
            size = Some(value.cast_signed());
        }
    }
    // Without the field it is the default of its type, as after an empty body.
    Some(size.unwrap_or(0)).filter(|size| *size >= 0)
}

/// `AttributeContext.source.address.socket_address.address` (1, 1, 1, 2).
pub(super) fn source_address(message: &[u8]) -> Option<&[u8]> {
    let address = last(last(source(message)?, 1)?, 1)?;
    last(address, 2)
}

/// `AttributeContext.source.principal` (1, 4).
pub(super) fn source_principal(message: &[u8]) -> Option<&[u8]> {
    last(source(message)?, 4)
}

fn source(message: &[u8]) -> Option<&[u8]> {
    last(last(message, 1)?, 1)
}

fn http(message: &[u8]) -> Option<&[u8]> {
    last(last(last(message, 1)?, 4)?, 2)
}

/// The length-delimited field `wanted` of a message that was readable before.
fn last(message: &[u8], wanted: u32) -> Option<&[u8]> {
    let mut found = None;
    let mut fields = Fields(message);
    while let Some((number, value)) = fields.next_field().ok()? {
        if number == wanted {
            found = Some(value);
        }
    }
    found
}

/// The length-delimited field `wanted` of a message, refused where it stands twice.
fn only(message: &[u8], wanted: u32) -> Result<Option<&[u8]>, WireError> {
    let mut found = None;
    let mut fields = Fields(message);
    while let Some((number, value)) = fields.next_field()? {
        if number == wanted && found.replace(value).is_some() {
            return Err(WireError::RepeatedField);
        }
    }
    Ok(found)
}

/// The value of a field, by its wire type.
enum FieldValue<'a> {
    Varint(u64),
    /// Length-delimited.
    Bytes(&'a [u8]),
    /// Of four or eight bytes; no field that is read has it.
    Fixed,
}

/// The fields of a message, in order.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    #[inline]
    fn next_field(&mut self) -> Result<Option<(u32, &'a [u8])>, WireError> {
        while let Some((number, value)) = self.next_any()? {
            if let FieldValue::Bytes(bytes) = value {
                return Ok(Some((number, bytes)));
            }
        }
        Ok(None)
    }

    /// The next field, whatever its wire type.
    #[inline]
    fn next_any(&mut self) -> Result<Option<(u32, FieldValue<'a>)>, WireError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| WireError::NotProtobuf)?;
        // No field has this number. Protobuf calls it malformed, and accepting it would read on in what
        // is probably not a message.
        if number == 0 {
            return Err(WireError::NotProtobuf);
        }
        let value = match key & 7 {
            0 => FieldValue::Varint(self.varint()?),
            1 => self.take(8).map(|_| FieldValue::Fixed)?,
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| WireError::NotProtobuf)?;
                FieldValue::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| FieldValue::Fixed)?,
            // Groups (3, 4) are not used by these messages.
            _ => return Err(WireError::NotProtobuf),
        };
        Ok(Some((number, value)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(WireError::NotProtobuf)?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, WireError> {
        // Nearly every key and length is one byte.
        if let Some((&byte, rest)) = self.0.split_first()
            && byte < 0x80
        {
            self.0 = rest;
            return Ok(u64::from(byte));
        }
        self.long_varint()
    }

    #[cold]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(WireError::NotProtobuf)?;
            self.0 = rest;
            // Bits beyond the 64th are dropped, as other readers of protobuf do.
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::NotProtobuf)
    }
}

#[cfg(test)]
mod tests;
