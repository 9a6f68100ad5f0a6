//! An authority for certificates that lives as long as a story.

use crate::canary::base64;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;

/// The letters of a line in the PEM format. (RFC 7468, section 2)
const LINE: usize = 64;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no name is a wrong one");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a key can sign");
        Self {
            der: certificate.der().to_vec(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Its own certificate.
    pub fn pem(&self) -> String {
        let mut letters = base64(&self.der);
        while !letters.len().is_multiple_of(4) {
            letters.push('=');
        }
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        let mut rest = letters.as_str();
        while let Some((line, after)) = rest.split_at_checked(LINE) {
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        format!("{pem}{rest}\n-----END CERTIFICATE-----\n")
    }

    /// What a server of that name needs.
    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name of a host");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("an authority can sign");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key that was just made");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.expect("the key is the certificate's"))
    }
}
