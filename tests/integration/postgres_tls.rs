//! The store on a PostgreSQL that is reached over TLS: the right server alone is trusted.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use portcullis::store::{Store, StoreLocation};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sqlx::Row;

use crate::postgres::Postgres;

#[tokio::test]
async fn the_right_server_alone_is_trusted() {
    let authority = authority("the shop's own");
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &authority).unwrap();
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let root = write("root.pem", authority.pem());
    let other_root = write("other.pem", self::authority("somebody else's").pem());
    let options = format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file=../server.crt \
         -c ssl_key_file=../server.key"
    );
    let prepared = |folder: &Path| {
        std::fs::write(folder.join("server.crt"), certificate.pem()).unwrap();
        let path = folder.join("server.key");
        std::fs::write(&path, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let Some(_postgres) = Postgres::start_with(&options, prepared) else {
        return;
    };
    let url = |host: &str, root: &str| {
        format!("postgres://test@{host}:{port}/postgres?sslmode=verify-full&sslrootcert={root}")
    };
    let open =
        async |url: String| Store::open(&StoreLocation::parse(&url, "".as_ref()).unwrap()).await;
    let good = url("localhost", &root);
    let store = open(good.clone()).await.unwrap();
    store.ping().await.unwrap();
    let pool = sqlx::AnyPool::connect(&good).await.unwrap();
    let row = sqlx::query("SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>(0), "true");
    for (bad, says) in [
        (url("localhost", &other_root), "UnknownIssuer"),
        (url("127.0.0.1", &root), "not valid for name"),
    ] {
        let refused = open(bad.clone()).await.err().map(|error| error.to_string());
        assert!(
            refused.as_deref().is_some_and(|error| error.contains(says)),
            "{bad}: {refused:?}"
        );
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Free a moment ago; PostgreSQL takes no 0.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
