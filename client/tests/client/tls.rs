//! TLS: who is trusted, and what is spoken.

use std::error::Error as _;
use std::sync::Arc;

use k2v_client::{Bucket, Error, InvalidArgument, K2vClient, RetryPolicy};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::server::{BUCKET, KEY, REGION, SECRET, Server};

/// A server for `127.0.0.1` that offers these protocols, and its certificate as PEM.
async fn start(protocols: &[&[u8]]) -> (Server, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    (Server::start_tls(TlsAcceptor::from(Arc::new(config))).await, cert.pem())
}

fn bucket(server: &Server, trusted: &str) -> Bucket {
    server.builder().root_certificates_pem(trusted).build().unwrap().bucket(BUCKET)
}

async fn check_version(protocols: &[&[u8]], expected: http::Version) {
    let (server, certificate) = start(protocols).await;
    let bucket = bucket(&server, &certificate);
    bucket.insert_item("a/b", "s", "v", None).await.unwrap();
    assert_eq!(bucket.read_item("a/b", "s").await.unwrap().values, ["v".into()]);
    assert!(server.arrived().iter().all(|arrived| arrived.version == expected));
}

#[tokio::test]
async fn the_server_chooses_the_http_version() {
    check_version(&[b"h2", b"http/1.1"], http::Version::HTTP_2).await;
    check_version(&[b"http/1.1"], http::Version::HTTP_11).await;
    check_version(&[], http::Version::HTTP_11).await;
}

#[tokio::test]
async fn a_stranger_is_not_trusted_and_nothing_is_sent() {
    let (server, _) = start(&[]).await;
    let (_, other_certificate) = start(&[]).await;
    let error = bucket(&server, &other_certificate).read_item("p", "s").await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    assert!(error.source().is_some());
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_told_as_such() {
    let server = Server::start().await;
    let (_, certificate) = start(&[]).await;
    let endpoint = server.endpoint().replace("http://", "https://");
    let client = K2vClient::builder(REGION, endpoint, KEY, SECRET)
        .root_certificates_pem(certificate)
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let error = client.read_item(BUCKET, "p", "s").await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
}

#[test]
fn what_is_not_a_certificate_is_refused_when_building() {
    let builder = |pem: &str| {
        let builder = K2vClient::builder(REGION, "https://localhost", KEY, SECRET);
        builder.root_certificates_pem(pem).build().err()
    };
    for pem in ["", "no pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let refused = builder(pem);
        assert!(
            matches!(refused, Some(Error::InvalidArgument(InvalidArgument::NoCertificate))),
            "{pem:?}: {refused:?}"
        );
    }
    let broken = builder("-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n").unwrap();
    assert!(matches!(broken, Error::InvalidArgument(InvalidArgument::Pem(_))), "{broken:?}");
    assert!(std::error::Error::source(&broken).is_some(), "it says what is wrong with the text");
}
