//! TLS 1.3 between nodes: each side shows a raw Ed25519 public key (RFC 7250), which is its node id, and proves that it has
//! the key to it. There are no certificates: what they would add, a signed text around the key, nobody reads.

use super::TcpError;
use crate::ids::NodeId;
use crate::transport::hello::Side;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::ring::{cipher_suite, default_provider, sign};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, ConnectionCommon, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SideData, SignatureScheme,
};
use std::io;
use std::ops::Deref;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// `SubjectPublicKeyInfo { algorithm: id-Ed25519, subjectPublicKey: 32 bytes }` up to the key (RFC 8410, section 4).
const PUBLIC_KEY_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// `PrivateKeyInfo { version: 0, algorithm: id-Ed25519, privateKey: 32 bytes }` up to the key (RFC 8410, section 7).
const PRIVATE_KEY_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What the proofs of `rpc_secret` are exported under.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-troupe-rpc-secret";

/// Both sides of this node.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// For the node with the public key `node`, whose secret key is `key`.
    pub(super) fn new(node: NodeId, key: &[u8; 32]) -> Result<Tls, TcpError> {
        let mut provider = default_provider();
        // The shorter AES key is the faster one, and no weaker than the other keys here.
        provider.cipher_suites =
            vec![cipher_suite::TLS13_AES_128_GCM_SHA256, cipher_suite::TLS13_CHACHA20_POLY1305_SHA256];
        let provider = Arc::new(provider);
        let key = PrivatePkcs8KeyDer::from([PRIVATE_KEY_PREFIX.as_slice(), key].concat());
        let key = sign::any_eddsa_type(&key).map_err(|_| TcpError::Key)?;
        let shown = CertificateDer::from([PUBLIC_KEY_PREFIX.as_slice(), &node.0].concat());
        let certified = Arc::new(CertifiedKey::new(vec![shown], key));
        let verifier = Arc::new(AnyNode(Arc::clone(&provider)));

        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(
                &certified,
            ))));
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(certified)));
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Ok(Tls {
            connector: TlsConnector::from(Arc::new(client)),
            acceptor: TlsAcceptor::from(Arc::new(server)),
        })
    }

    /// Speaks TLS over `tcp`. With whom, and what the session exports for proofs.
    pub(super) async fn handshake(
        &self,
        side: Side,
        tcp: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, NodeId, [u8; 32])> {
        match side {
            Side::Dialer => {
                // Nobody looks at the name: a node is known by its key.
                let name = ServerName::try_from("node.invalid").map_err(io::Error::other)?;
                let stream = self.connector.connect(name, tcp).await?;
                let (node, session) = shown_by(stream.get_ref().1)?;
                Ok((TlsStream::Client(stream), node, session))
            }
            Side::Listener => {
                let stream = self.acceptor.accept(tcp).await?;
                let (node, session) = shown_by(stream.get_ref().1)?;
                Ok((TlsStream::Server(stream), node, session))
            }
        }
    }
}

fn shown_by<D, S>(session: &D) -> io::Result<(NodeId, [u8; 32])>
where
    D: Deref<Target = ConnectionCommon<S>>,
    S: SideData,
{
    let shown = session.peer_certificates().and_then(<[_]>::first);
    let node = shown.and_then(node_of).ok_or_else(|| io::Error::other("the peer shows no key"))?;
    let export = session.export_keying_material([0; 32], EXPORTER_LABEL, None).map_err(io::Error::other)?;
    Ok((node, export))
}

fn node_of(shown: &CertificateDer<'_>) -> Option<NodeId> {
    let key = shown.as_ref().strip_prefix(&PUBLIC_KEY_PREFIX)?;
    key.try_into().ok().map(NodeId)
}

/// Takes every node that has the key that it shows. Who it may be is looked at afterwards.
#[derive(Debug)]
struct AnyNode(Arc<CryptoProvider>);

impl AnyNode {
    fn is_node(shown: &CertificateDer<'_>) -> Result<(), Error> {
        node_of(shown).map(|_| ()).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
    }

    fn verify(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(shown.as_ref());
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }
}

/// Only TLS 1.3 is offered.
const TLS12: Error = Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13);

impl ServerCertVerifier for AnyNode {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        AnyNode::is_node(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(TLS12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for AnyNode {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        AnyNode::is_node(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(TLS12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
