//! Why the certificate of a server was refused, in words for operators.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use rustls::pki_types::UnixTime;

use crate::clock::UnixSeconds;

/// What is wrong with the server's certificate, and the fix, if that is what `error` is due to. `ca_file` is the
/// setting with the authorities that are trusted.
pub fn why_refused(error: &(dyn Error + 'static), ca_file: &str) -> Option<String> {
    let rustls::Error::InvalidCertificate(fault) = tls_error(error)? else {
        return None;
    };
    let words = match fault {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "no trusted authority has signed the server's certificate: name the file with its \
             authority's certificate in `{ca_file}`"
        ),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the server's certificate ended at {}", instant(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the server's certificate is not valid before {}: compare the clocks",
            instant(*not_before)
        ),
        CertificateError::NotValidForNameContext { expected, .. } => format!(
            "the server's certificate is not for `{}`: use a name that it lists, or have it issued \
             for this one",
            expected.to_str()
        ),
        // Of the library beneath, whose errors rustls does not export.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => format!(
            "the server's certificate is that of an authority (`CA:TRUE`), which cannot be a \
             server's: have an authority issue one for the server, and name the file with the \
             authority's in `{ca_file}`"
        ),
        _ => return None,
    };
    Some(words)
}

fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // The source of an I/O error is that of the error in it, which it leaves out.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn instant(time: UnixTime) -> UnixSeconds {
    UnixSeconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::crypto::aws_lc_rs::default_provider;
    use rustls::pki_types::{CertificateDer, ServerName};

    use super::*;

    const NOW: u64 = 1_800_000_000;

    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        certificate: CertificateDer<'static>,
    }

    impl Authority {
        fn new(name: &str) -> Self {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec!["id.shop.example".to_owned()]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let common_name = rcgen::DnType::CommonName;
            params.distinguished_name.push(common_name, name);
            let certificate = params.self_signed(&key).unwrap().der().clone();
            let issuer = Issuer::new(params, key);
            Self {
                issuer,
                certificate,
            }
        }

        fn issue(&self, name: &str) -> CertificateDer<'static> {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let signed = params.signed_by(&key, &self.issuer).unwrap();
            signed.der().clone()
        }

        /// What a client that trusts this authority says of a certificate, as its connection tells it.
        fn says(&self, certificate: &CertificateDer<'_>, now: u64) -> Option<String> {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.clone()).unwrap();
            let provider = Arc::new(default_provider());
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
            let name = ServerName::try_from("id.shop.example").unwrap();
            let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
            let verifier = verifier.build().unwrap();
            let refused = verifier.verify_server_cert(certificate, &[], &name, &[], now);
            let error = io::Error::new(io::ErrorKind::InvalidData, refused.unwrap_err());
            why_refused(&error, "jwks_ca_file")
        }
    }

    #[test]
    fn a_refused_certificate_is_told_in_words_with_the_fix() {
        let (ours, other) = (Authority::new("ours"), Authority::new("other"));
        let good = "id.shop.example";
        let rows = [
            (
                ours.says(&other.issue(good), NOW),
                "no trusted authority has signed the server's certificate: name the file with its \
                 authority's certificate in `jwks_ca_file`",
            ),
            (
                ours.says(&Authority::new("ours").issue(good), NOW),
                "no trusted authority has signed",
            ),
            (
                ours.says(&ours.certificate, NOW),
                "is that of an authority (`CA:TRUE`)",
            ),
            (
                ours.says(&ours.issue("other.example"), NOW),
                "the server's certificate is not for `id.shop.example`",
            ),
            (
                ours.says(&ours.issue(good), 100_000_000_000),
                "the server's certificate ended at 4096-01-01T00:00:00Z",
            ),
            (
                ours.says(&ours.issue(good), 1),
                "is not valid before 1975-01-01T00:00:00Z: compare the clocks",
            ),
        ];
        for (said, expected) in rows {
            assert!(said.as_deref().unwrap().contains(expected), "{said:?}");
        }
        let other = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(why_refused(&other, "jwks_ca_file"), None);
    }
}
