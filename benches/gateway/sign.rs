//! Signs requests ahead of the measurement, so that the load generator only sends bytes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Signs for one key on one day.
pub(crate) struct Signer {
    key: Hmac<Sha256>,
    credential: String,
    scope: String,
    date_time: String,
    host: String,
}

impl Signer {
    pub(crate) fn new(key_id: &str, secret: &str, region: &str, host: &str) -> Signer {
        let date_time = now();
        let day = &date_time[..8];
        let mut key = format!("AWS4{secret}").into_bytes();
        for step in [day, region, "k2v", "aws4_request"] {
            key = keyed(&key).chain_update(step).finalize().into_bytes().to_vec();
        }
        let scope = format!("{day}/{region}/k2v/aws4_request");
        let credential = format!("{key_id}/{scope}");
        Signer { key: keyed(&key), credential, scope, date_time, host: host.to_owned() }
    }

    /// A whole request. `path` and `query` hold no character that would need encoding; `query` is `name=value`.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        query: &str,
        accept: &str,
        body: &[u8],
    ) -> Vec<u8> {
        let body_hash = hex::encode(Sha256::digest(body));
        let (host, date_time) = (&self.host, &self.date_time);
        let signed = "host;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{body_hash}\nx-amz-date:{date_time}\n\n\
             {signed}\n{body_hash}"
        );
        let canonical = hex::encode(Sha256::digest(canonical));
        let to_sign = format!("AWS4-HMAC-SHA256\n{date_time}\n{}\n{canonical}", self.scope);
        let signature = hex::encode(self.key.clone().chain_update(to_sign).finalize().into_bytes());
        let mut request = format!(
            "{method} {path}?{query} HTTP/1.1\r\nhost: {host}\r\nx-amz-date: {date_time}\r\n\
             x-amz-content-sha256: {body_hash}\r\naccept: {accept}\r\ncontent-length: {}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={}, SignedHeaders={signed}, Signature={signature}\r\n\r\n",
            body.len(),
            self.credential,
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// The present moment as `YYYYMMDDTHHMMSSZ`.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}
