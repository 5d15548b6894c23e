//! Encryption on the way to the server.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore};
use rustls::{Error as TlsError, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;
use tradebase_core::{Code, Error, Result};

/// What of a server is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    /// Nothing: whoever stands in between can read and change everything.
    Nothing,
    /// That a root which is trusted stands behind its certificate.
    Chain,
    /// That, and that the certificate is for the host in the address.
    Host,
}

/// How connections are encrypted, if they are.
#[derive(Debug, Default)]
pub(super) struct Tls {
    verified: Option<Verified>,
    /// A file of roots; without it those that the machine trusts.
    roots: Option<PathBuf>,
    /// Made by the first connection, since reading the roots takes some milliseconds.
    connector: OnceLock<Connector>,
}

#[derive(Clone)]
struct Connector(MakeRustlsConnect);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl Tls {
    /// Encrypts, and verifies that much.
    pub(super) fn new(verified: Verified, roots: Option<PathBuf>) -> Self {
        Self { verified: Some(verified), roots, connector: OnceLock::new() }
    }

    /// What is verified; none if nothing is encrypted.
    #[cfg(test)]
    pub(super) fn verified(&self) -> Option<Verified> {
        self.verified
    }

    /// What encrypts a connection; none if nothing does.
    pub(super) fn connector(&self) -> Result<Option<MakeRustlsConnect>> {
        let Some(verified) = self.verified else { return Ok(None) };
        if let Some(made) = self.connector.get() {
            return Ok(Some(made.0.clone()));
        }
        let made = Connector(MakeRustlsConnect::new(self.client(verified)?));
        Ok(Some(self.connector.get_or_init(|| made).0.clone()))
    }

    fn client(&self, verified: Verified) -> Result<ClientConfig> {
        // Named here, because a process may have none or several by default.
        let provider = Arc::new(ring::default_provider());
        let verifier = self.verifier(verified, &provider)?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::new(Code::Internal, "no version of TLS is known").because(e))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(client)
    }

    fn verifier(
        &self,
        verified: Verified,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>> {
        let strict = match verified {
            Verified::Nothing => None,
            Verified::Chain | Verified::Host => {
                let roots = Arc::new(self.root_store()?);
                let strict = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
                Some(strict.build().map_err(|e| bad_roots("they cannot be used").because(e))?)
            }
        };
        match strict {
            Some(strict) if verified == Verified::Host => Ok(strict),
            strict => Ok(Arc::new(Lenient { strict, provider: provider.clone() })),
        }
    }

    fn root_store(&self) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        let certificates = match &self.roots {
            Some(path) => read_roots(path)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        // Some old root that cannot be read does no harm to the others.
        let (known, _) = store.add_parsable_certificates(certificates);
        match (known, &self.roots) {
            (0, Some(path)) => {
                Err(bad_roots(&format!("the file holds no certificate: {}", path.display())))
            }
            (0, None) => Err(bad_roots("this machine trusts none")),
            _ => Ok(store),
        }
    }
}

fn read_roots(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>> {
    let unread = |e| {
        bad_roots(&format!("the file cannot be read: {}", path.display()))
            .because(io::Error::other(e))
    };
    CertificateDer::pem_file_iter(path).map_err(unread)?.collect::<Result<_, _>>().map_err(unread)
}

#[cold]
fn bad_roots(why: &str) -> Error {
    let message = format!("no roots to verify the server by, name a file with sslrootcert, {why}");
    Error::new(Code::Config, message)
}

/// Verifies less than a host's certificate: the chain alone, or nothing. The server must still
/// hold the key of the certificate that it shows.
#[derive(Debug)]
struct Lenient {
    strict: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(strict) = &self.strict else { return Ok(ServerCertVerified::assertion()) };
        match strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            // The name is looked at last, when all else was right.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// How an attempt to encrypt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The server does not encrypt.
    Unoffered,
    /// The server is not who the address says.
    Unverified,
    /// Otherwise.
    Broken,
}

/// Whether and how encryption was what failed.
#[cold]
pub(super) fn failed(error: &tokio_postgres::Error) -> Option<Failed> {
    let source = error.source()?;
    if source.to_string() == "server does not support TLS" {
        return Some(Failed::Unoffered);
    }
    let inner = source.downcast_ref::<io::Error>()?.get_ref()?;
    match inner.downcast_ref::<TlsError>()? {
        TlsError::InvalidCertificate(_) => Some(Failed::Unverified),
        _ => Some(Failed::Broken),
    }
}
