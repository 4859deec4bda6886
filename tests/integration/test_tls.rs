//! Certificates of a test, and clients that have them.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use portcullis::certificates;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate and its key.
pub(crate) struct Certified {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, name);
        let pem = authority.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(authority, key),
            pem,
        }
    }

    /// A certificate for servers and clients with one name: an IP address, a DNS name or a URI.
    pub(crate) fn certify(&self, name: &str) -> Certified {
        self.certify_with(name, |_| {})
    }

    pub(crate) fn certify_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Certified {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.subject_alt_names.push(match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) if name.contains("://") => SanType::URI(name.try_into().unwrap()),
            Err(_) => SanType::DnsName(name.try_into().unwrap()),
        });
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Certified {
            cert: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// A client that trusts this authority and has this certificate, if any.
    pub(crate) fn client(&self, identity: Option<&Certified>) -> Arc<ClientConfig> {
        let roots = certificates::configured_roots(self.pem.as_bytes()).unwrap();
        let builder = certificates::client_trusting(roots).unwrap();
        let mut client = match identity {
            None => builder.with_no_client_auth(),
            Some(Certified { cert, key }) => {
                let chain = certificates::chain(cert.as_bytes()).unwrap();
                let key = certificates::private_key(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        // As the standard has it for gRPC.
        client.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(client)
    }
}

impl Certified {
    /// Writes `NAME.pem` and `NAME.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        write(folder, &format!("{name}.pem"), &self.cert);
        write(folder, &format!("{name}.key"), &self.key);
    }
}

/// Puts a file in place at once, as who renews certificates does; its owner alone may read it.
pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let staging = folder.join(format!("{name}.new"));
    std::fs::write(&staging, text).unwrap();
    std::fs::set_permissions(&staging, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(staging, folder.join(name)).unwrap();
}

/// Shakes hands with the server there.
pub(crate) async fn connect(
    address: SocketAddr,
    client: &Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::from(address.ip());
    TlsConnector::from(Arc::clone(client))
        .connect(name, stream)
        .await
}
