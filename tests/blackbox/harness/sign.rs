//! Signatures by a widely used client library that shares no line with the server.

use super::Request;
use super::percent::encoded;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use std::time::{Duration, SystemTime};

/// An access key and where it signs for.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) region: String,
}

/// How a request is signed, where it is not as usual.
#[derive(Clone, Debug)]
pub(crate) struct Signing {
    pub(crate) service: &'static str,
    pub(crate) time: SystemTime,
    /// `Some`: a presigned URL that lives this long.
    pub(crate) presigned_for: Option<Duration>,
    pub(crate) covers_body: bool,
    /// Whether `x-amz-content-sha256` is sent.
    pub(crate) states_payload: bool,
}

impl Default for Signing {
    fn default() -> Signing {
        Signing {
            service: "k2v",
            time: SystemTime::now(),
            presigned_for: None,
            covers_body: true,
            states_payload: true,
        }
    }
}

impl Credentials {
    /// Signs in the header, with the body's digest.
    pub(crate) fn sign(&self, request: Request) -> Request {
        self.sign_as(request, &Signing::default())
    }

    /// Signs in the query, for five minutes.
    pub(crate) fn presign(&self, request: Request) -> Request {
        let presigned_for = Some(Duration::from_secs(300));
        self.sign_as(request, &Signing { presigned_for, covers_body: false, ..Signing::default() })
    }

    pub(crate) fn sign_as(&self, mut request: Request, signing: &Signing) -> Request {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Double;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = if signing.states_payload {
            PayloadChecksumKind::XAmzSha256
        } else {
            PayloadChecksumKind::NoHeader
        };
        if signing.presigned_for.is_some() {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = signing.presigned_for;
        }
        let identity =
            aws_credential_types::Credentials::new(&self.key_id, &self.secret, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(signing.service)
            .time(signing.time)
            .settings(settings)
            .build()
            .expect("every parameter is given")
            .into();
        let host = request.header("host").expect("requests are signed with their host").to_owned();
        let body = request.body.clone();
        let signable_body =
            if signing.covers_body { SignableBody::Bytes(&body) } else { SignableBody::UnsignedPayload };
        let signable = SignableRequest::new(
            &request.method,
            format!("http://{host}{}", request.target()),
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            signable_body,
        )
        .expect("a request that the library can sign");
        let (headers, parameters) = sign(signable, &params).expect("a signature").into_parts().0.into_parts();
        for header in headers {
            request = request.with(header.name(), header.value());
        }
        for (name, value) in parameters {
            let pair = format!("{name}={}", encoded(&value));
            request.query = if request.query.is_empty() { pair } else { format!("{}&{pair}", request.query) };
        }
        request
    }
}
