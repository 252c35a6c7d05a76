//! Trust: the certificates that are believed, and what a server that speaks TLS is offered.
//!
//! Authorities come from the machine (`rustls-native-certs`, which heeds `SSL_CERT_FILE` and `SSL_CERT_DIR`), as curl has
//! it: a company's own authority is there, and no list gets old inside of this program.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::Target;

/// Sessions that are kept for each authority: as many as rustls keeps by itself.
const SESSIONS: usize = 256;

/// Error of webpki for an authority's certificate that a server shows, once it has found it valid now (rustls-webpki,
/// `check_issuer_independent_properties` and `Error::CaUsedAsEndEntity`; rustls hands it on as `CertificateError::Other`).
const AUTHORITY_AS_SERVER: &str = "CaUsedAsEndEntity";

/// Authorities that a server's certificate may come from.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Besides the authorities of this machine.
    given: Vec<CertificateDer<'static>>,
    is_anyone: bool,
}

/// Why no certificate could be believed.
#[derive(Debug, thiserror::Error)]
pub enum NoTrust {
    #[error("--ca {0} cannot be read: {1}")]
    Unreadable(String, String),
    #[error("--ca {0} holds no certificate: give a PEM file with -----BEGIN CERTIFICATE-----")]
    Empty(String),
    #[error("--ca {0} holds a certificate that nothing can come from: {1}")]
    Useless(String, Error),
    #[error(
        "this machine knows no certificate authority: install its package ca-certificates, give --ca FILE, or \
         --insecure to believe anyone"
    )]
    NoAuthority,
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] Error),
}

impl Trust {
    /// The machine's authorities and those in the file `ca`, or everybody.
    ///
    /// # Errors
    /// A file that cannot be used.
    pub fn new(ca: Option<&Path>, is_anyone: bool) -> Result<Self, NoTrust> {
        let Some(path) = ca else { return Ok(Self { given: Vec::new(), is_anyone }) };
        let name = || path.display().to_string();
        let unreadable = |error: rustls::pki_types::pem::Error| NoTrust::Unreadable(name(), error.to_string());
        let read = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
        let given = read.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        if given.is_empty() {
            return Err(NoTrust::Empty(name()));
        }
        let mut roots = RootCertStore::empty();
        for certificate in &given {
            roots.add(certificate.clone()).map_err(|error| NoTrust::Useless(name(), error))?;
        }
        Ok(Self { given, is_anyone })
    }

    pub(crate) fn is_anyone(&self) -> bool {
        self.is_anyone
    }

    /// Reads the machine's authorities: some milliseconds, once for a run.
    pub(crate) fn client(&self) -> Result<ClientConfig, NoTrust> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let algorithms = provider.signature_verification_algorithms;
        let believed = if self.is_anyone { Believed::Anyone } else { self.known(provider)? };
        let verifier = Arc::new(Verifier { believed, algorithms });
        let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        // RFC 7301: what we speak, so that a server that prefers HTTP/2 does not choose it.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn known(&self, provider: Arc<CryptoProvider>) -> Result<Believed, NoTrust> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.given.iter().cloned());
        if roots.is_empty() {
            return Err(NoTrust::NoAuthority);
        }
        let library = |error: rustls::client::VerifierBuilderError| Error::General(error.to_string());
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(library)?;
        Ok(Believed::Known { chains, given: self.given.clone() })
    }
}

/// TLS to one authority. Its sessions are resumed as browsers do (RFC 8446, 2.2; each ticket once, C.4), and no other
/// authority's: two that are compared must not take each other's. No data is sent early.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    pub(crate) fn new(config: &ClientConfig, name: ServerName<'static>) -> Self {
        let mut config = config.clone();
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Self { config: Arc::new(config), name }
    }

    /// The client's side of a new connection.
    pub(crate) fn begin(&self) -> Result<ClientConnection, Error> {
        ClientConnection::new(self.config.clone(), self.name.clone())
    }
}

/// Checks what a server shows. Signatures are checked whoever is believed: the work of a handshake is the same.
#[derive(Debug)]
struct Verifier {
    believed: Believed,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Believed {
    /// Every certificate.
    Anyone,
    /// Chains to an authority, and certificates that were given themselves.
    Known { chains: Arc<WebPkiServerVerifier>, given: Vec<CertificateDer<'static>> },
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Believed::Known { chains, given } = &self.believed else { return Ok(ServerCertVerified::assertion()) };
        let verified = chains.verify_server_cert(end_entity, intermediates, name, stapled, now);
        match verified {
            // `openssl req -x509` calls the certificate of a server an authority's, which a server must not show; whoever
            // gives just this certificate means it (curl takes it, too). Its name is checked all the same.
            Err(Error::InvalidCertificate(CertificateError::Other(why)))
                if why.to_string() == AUTHORITY_AS_SERVER && given.contains(end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Gives each target of https what its connections begin with: one for each authority.
///
/// # Errors
/// No certificate could be believed, whoever showed it.
pub fn secure(targets: &mut [Target], trust: &Trust) -> Result<(), NoTrust> {
    if targets.iter().all(|target| target.server_name.is_none()) {
        return Ok(());
    }
    let config = trust.client()?;
    let mut known: HashMap<String, Arc<Tls>> = HashMap::new();
    for target in targets {
        if let Some(name) = &target.server_name {
            let new = || Arc::new(Tls::new(&config, name.clone()));
            target.tls = Some(known.entry(target.authority.clone()).or_insert_with(new).clone());
        }
    }
    Ok(())
}
