//! Clients that are connected, judged anew when the authorities of the listener change.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

use super::TlsListener;
use crate::clock::Clock;
use crate::labels::Label;

/// The certificate by which a client was let in.
pub struct Admission {
    listener: TlsListener,
    client: IpAddr,
    chain: Vec<CertificateDer<'static>>,
    judges: watch::Receiver<Arc<dyn ClientCertVerifier>>,
    clock: Arc<dyn Clock>,
}

/// A connection after its handshake.
pub struct Secured<S> {
    pub stream: TlsStream<S>,
    /// Absent where clients need no certificate.
    pub admission: Option<Admission>,
}

impl Admission {
    /// Of a client that has just been let in. `judges` is from before its handshake, so that no change
    /// since then goes unseen.
    pub(super) fn new<S>(
        listener: TlsListener,
        client: IpAddr,
        stream: &TlsStream<S>,
        judges: watch::Receiver<Arc<dyn ClientCertVerifier>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let chain = stream.get_ref().1.peer_certificates();
        Self {
            listener,
            client,
            chain: chain.unwrap_or_default().to_vec(),
            judges,
            clock,
        }
    }

    /// Waits until a reload has brought authorities by which the client would not be let in now. Never
    /// ends without one.
    pub async fn withdrawn(mut self) {
        while self.judges.changed().await.is_ok() {
            let judge = Arc::clone(&self.judges.borrow_and_update());
            if let Err(error) = self.judge(&*judge) {
                tracing::info!(
                    tls.listener = self.listener.label(),
                    client.address = %self.client,
                    %error,
                    "the connection of a client ends, because `client_ca_file` has changed and its \
                     certificate is no longer accepted"
                );
                return;
            }
        }
        pending::<()>().await;
    }

    fn judge(&self, judge: &dyn ClientCertVerifier) -> Result<(), rustls::Error> {
        let Some((certificate, intermediates)) = self.chain.split_first() else {
            return Err(rustls::Error::NoCertificatesPresented);
        };
        let seconds = u64::try_from(self.clock.now().0).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        judge.verify_client_cert(certificate, intermediates, now)?;
        Ok(())
    }
}

/// Waits for the end of an admission; of none, for ever.
pub async fn withdrawn(admission: Option<Admission>) {
    match admission {
        Some(admission) => admission.withdrawn().await,
        None => pending().await,
    }
}
