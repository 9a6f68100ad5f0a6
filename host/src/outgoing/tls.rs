//! TLS towards others: one provider, the system's authorities and those of a file.

use super::failed::CallError;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The sessions that are kept for being taken up again, for each plugin.
const SESSIONS_MAX: usize = 32;

/// Reads the authorities of a file in the PEM format. Blocks on the file system.
///
/// # Errors
/// Why they cannot be used, without the path.
pub fn read_ca_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| match error {
        rustls::pki_types::pem::Error::Io(error) => format!("cannot be read: {error}"),
        _ => "not a file of certificates in the PEM format".to_owned(),
    })?;
    if certificates.is_empty() {
        return Err("it has no certificate in the PEM format".to_owned());
    }
    let (_, bad) = RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned());
    if bad > 0 {
        return Err(format!("{bad} of its certificates cannot be read"));
    }
    Ok(certificates)
}

/// Whom this host trusts; read once, when somebody first asks.
pub(super) struct Roots {
    extra: Vec<CertificateDer<'static>>,
    /// None if nobody is trusted.
    store: OnceCell<Option<Arc<RootCertStore>>>,
}

impl Roots {
    pub fn new(extra: Vec<CertificateDer<'static>>) -> Self {
        Self {
            extra,
            store: OnceCell::new(),
        }
    }

    /// All of them. Reading the system's blocks, so that is done elsewhere.
    pub async fn store(&self) -> Result<Arc<RootCertStore>, CallError> {
        let store = self.store.get_or_init(|| async {
            let extra = self.extra.clone();
            let read = tokio::task::spawn_blocking(move || read(extra)).await;
            read.ok().flatten()
        });
        store.await.clone().ok_or(CallError::NoRoots)
    }
}

/// Whether anybody is trusted: the system's authorities or these. Blocks on the file system.
#[must_use]
pub fn trusts_anybody(extra: &[CertificateDer<'static>]) -> bool {
    !gather(extra.to_vec()).0.is_empty()
}

fn gather(extra: Vec<CertificateDer<'static>>) -> (RootCertStore, Vec<rustls_native_certs::Error>) {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(extra);
    let system = rustls_native_certs::load_native_certs();
    store.add_parsable_certificates(system.certs);
    (store, system.errors)
}

/// The system's authorities and these; `None` if that is nobody.
fn read(extra: Vec<CertificateDer<'static>>) -> Option<Arc<RootCertStore>> {
    let (store, errors) = gather(extra);
    for error in &errors {
        tracing::warn!(%error, "some of the system's certificate authorities cannot be read");
    }
    if store.is_empty() {
        tracing::error!(
            "no certificate authority is known, so no plugin can call https; install the system's or name ca-file, and \
             start hookbox again"
        );
        return None;
    }
    Some(Arc::new(store))
}

/// How a plugin speaks TLS. Its sessions are its own, and never taken up by another.
pub(super) fn client(roots: Arc<RootCertStore>) -> Result<Arc<ClientConfig>, CallError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder
        .map_err(|_| CallError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    Ok(Arc::new(config))
}
