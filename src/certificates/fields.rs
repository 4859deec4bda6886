//! What a certificate says of itself (RFC 5280) and the TLS library does not tell: when it holds, and
//! whose it is.

use rustls::pki_types::CertificateDer;

use crate::clock::UnixSeconds;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;

/// The context-specific tags within the certificate proper.
const VERSION: u8 = 0xa0;
const ISSUER_UNIQUE_ID: u8 = 0x81;
const SUBJECT_UNIQUE_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;

/// The choices of `GeneralName`.
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;

/// 2.5.29.17
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

/// When a certificate holds, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFields {
    pub not_before: UnixSeconds,
    pub not_after: UnixSeconds,
    /// The DNS names among its alternative names, as they are written.
    pub dns_names: Vec<String>,
    /// The URIs among them; a SPIFFE ID is one.
    pub uris: Vec<String>,
}

impl CertificateFields {
    /// Reads a certificate in DER; nothing where it is not one. Signatures and everything else are for the
    /// TLS library to check.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut certificate = Reader(Reader(der).expect(SEQUENCE)?);
        let mut proper = Reader(certificate.expect(SEQUENCE)?);
        proper.take(VERSION);
        proper.expect(INTEGER)?;
        let _signature_algorithm = proper.expect(SEQUENCE)?;
        let _issuer = proper.expect(SEQUENCE)?;
        let mut validity = Reader(proper.expect(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let _subject = proper.expect(SEQUENCE)?;
        let _public_key = proper.expect(SEQUENCE)?;
        proper.take(ISSUER_UNIQUE_ID);
        proper.take(SUBJECT_UNIQUE_ID);
        let mut fields = Self {
            not_before,
            not_after,
            dns_names: Vec::new(),
            uris: Vec::new(),
        };
        if let Some(extensions) = proper.take(EXTENSIONS) {
            fields.read_extensions(extensions)?;
        }
        Some(fields)
    }

    fn read_extensions(&mut self, extensions: &[u8]) -> Option<()> {
        let mut extensions = Reader(Reader(extensions).expect(SEQUENCE)?);
        while !extensions.is_empty() {
            let mut extension = Reader(extensions.expect(SEQUENCE)?);
            let id = extension.expect(OBJECT_IDENTIFIER)?;
            let _is_critical = extension.take(BOOLEAN);
            let value = extension.expect(OCTET_STRING)?;
            if id == SUBJECT_ALT_NAME {
                self.read_names(value)?;
            }
        }
        Some(())
    }

    fn read_names(&mut self, names: &[u8]) -> Option<()> {
        let mut names = Reader(Reader(names).expect(SEQUENCE)?);
        while !names.is_empty() {
            let (tag, name) = names.next()?;
            match tag {
                DNS_NAME => self.dns_names.push(ascii(name)?),
                URI => self.uris.push(ascii(name)?),
                _ => {}
            }
        }
        Some(())
    }
}

/// The version of a certificate in DER, 1 to 3 (RFC 5280 section 4.1.2.1); nothing where it is not one.
pub fn version(der: &[u8]) -> Option<u8> {
    let mut certificate = Reader(Reader(der).expect(SEQUENCE)?);
    let mut proper = Reader(certificate.expect(SEQUENCE)?);
    let Some(version) = proper.take(VERSION) else {
        return Some(1);
    };
    match Reader(version).expect(INTEGER)? {
        [number] => number.checked_add(1),
        _ => None,
    }
}

/// When a chain holds: until the first of its certificates ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub not_before: UnixSeconds,
    pub not_after: UnixSeconds,
}

impl Validity {
    /// None where a certificate does not say it legibly.
    pub fn of(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let fields: Option<Vec<_>> = chain
            .iter()
            .map(|der| CertificateFields::read(der))
            .collect();
        let fields = fields?;
        Some(Self {
            not_before: fields.iter().map(|fields| fields.not_before).max()?,
            not_after: fields.iter().map(|fields| fields.not_after).min()?,
        })
    }
}

fn ascii(text: &[u8]) -> Option<String> {
    let text = str::from_utf8(text).ok()?;
    text.is_ascii().then(|| text.to_owned())
}

/// Elements of DER, one after the other.
struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tag and content of the next element.
    fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // At least 128 bytes, and fewer than 16 MiB.
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let add = |length: usize, digit: &u8| (length << 8) | usize::from(*digit);
                let length = digits.iter().fold(0, add);
                // DER has one way to write a length.
                if length < 0x80 || digits.first() == Some(&0) {
                    return None;
                }
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, which must have this tag.
    fn expect(&mut self, tag: u8) -> Option<&'d [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }

    /// The content of the next element if it has this tag; otherwise it stays the next.
    fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        if self.0.first() == Some(&tag) {
            self.expect(tag)
        } else {
            None
        }
    }

    /// A time to the second in UTC, the only one that certificates may have (RFC 5280 section 4.1.2.5).
    fn time(&mut self) -> Option<UnixSeconds> {
        let (tag, text) = self.next()?;
        let text = text.strip_suffix(b"Z")?;
        let (year, rest) = match tag {
            UTC_TIME => {
                let (year, rest) = number(text, 2)?;
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            GENERALIZED_TIME => number(text, 4)?,
            _ => return None,
        };
        let (month, rest) = number(rest, 2)?;
        let (day, rest) = number(rest, 2)?;
        let (hour, rest) = number(rest, 2)?;
        let (minute, rest) = number(rest, 2)?;
        let (second, rest) = number(rest, 2)?;
        let exists = (1..=12).contains(&month) && (1..=31).contains(&day);
        let exists = exists && hour < 24 && minute < 60 && second < 60 && rest.is_empty();
        exists.then(|| UnixSeconds::at([year, month, day], [hour, minute, second]))
    }
}

/// A number of exactly so many digits, and what follows.
fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    if !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = str::from_utf8(number).ok()?.parse().ok()?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};

    use super::*;

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let names = vec!["envoy.shop.example".to_owned(), "127.0.0.1".to_owned()];
        let mut parameters = CertificateParams::new(names).unwrap();
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn dates_and_names_are_read() {
        let id = "spiffe://shop.example/ns/shop/sa/envoy";
        let der = certificate(|parameters| {
            parameters.not_before = date_time_ymd(2024, 2, 29);
            parameters.not_after = date_time_ymd(2051, 1, 1);
            let uri = SanType::URI(id.try_into().unwrap());
            parameters.subject_alt_names.push(uri);
        });
        let expected = CertificateFields {
            not_before: UnixSeconds(1_709_164_800),
            not_after: UnixSeconds(2_556_144_000),
            dns_names: vec!["envoy.shop.example".to_owned()],
            uris: vec![id.to_owned()],
        };
        assert_eq!(CertificateFields::read(&der), Some(expected));
    }

    #[test]
    fn a_certificate_without_names_has_none() {
        let der = certificate(|parameters| parameters.subject_alt_names.clear());
        let fields = CertificateFields::read(&der).unwrap();
        assert_eq!((fields.dns_names.len(), fields.uris.len()), (0, 0));
    }

    #[test]
    fn part_of_a_certificate_is_not_one() {
        let der = certificate(|_| {});
        for length in 0..der.len() {
            // The signature and its algorithm, at the end, are not read; the outer length is.
            assert_eq!(CertificateFields::read(&der[..length]), None, "{length}");
        }
    }

    #[test]
    fn lengths_and_times_have_one_form() {
        for element in [
            &[0x30, 0x80][..],
            &[0x30, 0x81, 0x01, 0x00],
            &[0x30, 0x82, 0x00, 0x80],
            &[0x30, 0x84, 0, 0, 0, 0],
            &[0x30, 0x05, 0x00],
            &[0x30],
        ] {
            assert_eq!(Reader(element).next(), None, "{element:x?}");
        }
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (GENERALIZED_TIME, "700101000000Z", None),
            (UTC_TIME, "700101000000", None),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "700001000000Z", None),
            (UTC_TIME, "700132000000Z", None),
            (UTC_TIME, "700101240000Z", None),
            (UTC_TIME, "70010100000 Z", None),
            (UTC_TIME, "700101000000.0Z", None),
            (UTC_TIME, "+70101000000Z", None),
            (INTEGER, "700101000000Z", None),
        ] {
            let length = u8::try_from(text.len()).unwrap();
            let element = [&[tag, length], text.as_bytes()].concat();
            let expected = expected.map(UnixSeconds);
            assert_eq!(Reader(&element).time(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_reading_ends(
            der in proptest::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let _ = CertificateFields::read(&der);
            let mut damaged = certificate(|_| {});
            let at = at.index(damaged.len());
            damaged[at] = byte;
            let _ = CertificateFields::read(&damaged);
        }
    }
}
