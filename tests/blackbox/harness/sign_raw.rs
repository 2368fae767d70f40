//! A signer for what no library lets through: queries that are no text.

use super::{Credentials, Request};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

impl Credentials {
    /// Signs a request without a body whose path and query are canonical already, whatever bytes they stand for.
    pub(crate) fn sign_raw(&self, request: Request) -> Request {
        let host = request.header("host").expect("requests are signed with their host").to_owned();
        // The library knows what time it is.
        let dated = self.sign(Request::new("GET", "/", "").with("host", &host));
        let header = |name: &str| dated.header(name).expect("a signed request has it").to_owned();
        let (date, payload) = (header("x-amz-date"), header("x-amz-content-sha256"));
        let signed_headers = "host;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "{}\n{}\n{}\nhost:{host}\nx-amz-content-sha256:{payload}\nx-amz-date:{date}\n\n{signed_headers}\n{payload}",
            request.method,
            request.path.replace('%', "%25"),
            request.query,
        );
        let scope = format!("{}/{}/k2v/aws4_request", &date[..8], self.region);
        let digest = hex::encode(Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
        let secret = format!("AWS4{}", self.secret).into_bytes();
        let key =
            [&date[..8], &self.region, "k2v", "aws4_request", &text].iter().fold(secret, |key, part| {
                let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length");
                mac.update(part.as_bytes());
                mac.finalize().into_bytes().to_vec()
            });
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed_headers}, Signature={}",
            self.key_id,
            hex::encode(key),
        );
        request
            .with("x-amz-date", &date)
            .with("x-amz-content-sha256", &payload)
            .with("authorization", &authorization)
    }
}
