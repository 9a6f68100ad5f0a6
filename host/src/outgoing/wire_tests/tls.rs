//! TLS: whom it is spoken with, and for how long it is tried.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// An authority whose key nobody has.
const PEM: &str = "\
-----BEGIN CERTIFICATE-----
MIIBdDCCARugAwIBAgIUB+nl38tWdsycc0NYGqVVwnvXerMwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjIyMzI5MzFaGA8yMTI2MTAyOTIzMjkz
MVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIzS
OvTZFLnFrwqEsZvEjDRpr2FCOhPzvkunailDSZyzH4KIB74ZnkooaHnlkRkdkh6V
U4bAR50PxEjccfTwy8KjUzBRMB0GA1UdDgQWBBSv0zChZws2AdJCXENQNUuyGjy7
YjAfBgNVHSMEGDAWgBSv0zChZws2AdJCXENQNUuyGjy7YjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0cAMEQCIE+K++j4NQOPaPBw3DZUS57lc8RNHiTSe0Vs
1xbtOw1MAiB8/0rFnhqw3zQKqGNoXk3JKqDpaODu8vkAs9NetsFbCA==
-----END CERTIFICATE-----
";

/// An authority that was made for a test.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) certificate: CertificateDer<'static>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    pub(super) fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            );
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }

    /// A server with a certificate for this name.
    async fn server(&self, name: &str) -> Server {
        let acceptor = self.acceptor(name);
        Server::start(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await?;
                loop {
                    read_head(&mut stream).await?;
                    stream.write_all(OK.as_bytes()).await?;
                }
            }
        })
        .await
    }
}

/// What comes of a call to `https://name:port`, where the name is loopback and these are trusted.
async fn call(server: &Server, name: &str, trusted: &[&Authority]) -> String {
    let authorities = trusted.iter().map(|one| one.certificate.clone()).collect();
    let network = network(Told::new(&[&["127.0.0.1:0"]]), authorities);
    let name = format!("{name}:{}", server.address.port());
    let outgoing = over(
        &network,
        vec![Entry {
            reach: Reach::Private,
            timeout: 2 * SECOND,
            ..entry(&name)
        }],
    );
    outcome(&outgoing, &format!("https://{name}/"), Times::default()).await
}

#[tokio::test]
async fn a_certificate_is_for_the_name_and_of_somebody_who_is_trusted() {
    let (good, other) = (Authority::new(), Authority::new());
    let server = good.server("api.example").await;
    assert_eq!(call(&server, "api.example", &[&good]).await, "200, 2 bytes");
    assert_eq!(
        call(&server, "API.example.", &[&good]).await,
        "200, 2 bytes"
    );
    assert_eq!(
        call(&server, "other.example", &[&good]).await,
        "Certificate"
    );
    assert_eq!(call(&server, "127.0.0.1", &[&good]).await, "Certificate");
    assert_eq!(call(&server, "api.example", &[&other]).await, "Certificate");
    let by_address = good.server("127.0.0.1").await;
    assert_eq!(
        call(&by_address, "127.0.0.1", &[&good]).await,
        "200, 2 bytes"
    );
}

#[tokio::test]
async fn a_server_that_never_finishes_tls_is_left_in_time() {
    let silent = Server::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
        Ok(())
    })
    .await;
    let trusted = Authority::new();
    assert_eq!(
        call(&silent, "api.example", &[&trusted]).await,
        "ConnectTimeout"
    );
    let plain = Server::answering(OK).await;
    let found = call(&plain, "api.example", &[&trusted]).await;
    assert!(
        ["Tls", "ConnectTimeout"].contains(&found.as_str()),
        "{found}"
    );
    // A fatal alert: handshake failure (RFC 8446, section 6.2).
    let alert = Server::start(|mut stream| async move {
        stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await?;
        stream.read_u8().await.map(drop)
    })
    .await;
    assert_eq!(call(&alert, "api.example", &[&trusted]).await, "Alert(40)");
}

#[test]
fn a_file_of_authorities_is_read_or_told_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        crate::outgoing::read_ca_file(&path).map(|found| found.len())
    };
    assert_eq!(read(PEM), Ok(1));
    assert_eq!(read(&format!("{PEM}\n{PEM}")), Ok(2));
    let none = Err("it has no certificate in the PEM format".to_owned());
    assert_eq!(read(""), none);
    assert_eq!(read("hello"), none);
    let bad = read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_eq!(bad, Err("1 of its certificates cannot be read".to_owned()));
    let error = crate::outgoing::read_ca_file(folder.path()).unwrap_err();
    assert!(
        error.contains("cannot be read") || error.contains("not a file"),
        "{error}"
    );
}
