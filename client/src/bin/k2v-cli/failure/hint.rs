//! What to do about each error of the library.

use k2v_client::Error;

/// What a call was for. The same error asks for different steps after a read and after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Read,
    Write,
}

const CHECK_ENDPOINT: &str = "Check the endpoint (--endpoint or K2V_ENDPOINT), and that the server runs.";

/// The next step after an error, if there is one to name.
pub(crate) fn hint_of(error: &Error, act: Act) -> Option<&'static str> {
    Some(match (error, act) {
        (Error::NoSuchKey(_), _) => {
            "Check both keys: `k2v-cli ls` lists the partitions, `k2v-cli ls PK` their items."
        }
        (Error::NoSuchBucket(_), _) => {
            "Check --bucket or K2V_BUCKET; on the server, `bucket list` shows the buckets, `bucket create` makes one."
        }
        (Error::AccessDenied(_), Act::Read) => {
            "Check the key id and the secret, and that the key may read this bucket \
             (on the server: `bucket allow BUCKET --read --key KEY`). `k2v-cli doctor` finds out which."
        }
        (Error::AccessDenied(_), Act::Write) => {
            "Check the key id and the secret, and that the key may write to this bucket \
             (on the server: `bucket allow BUCKET --write --key KEY`). `k2v-cli doctor` finds out which."
        }
        (Error::ClockSkew(_), _) => {
            "Set this machine's clock (a time service such as NTP does it), then try again."
        }
        (Error::WrongRegion(_), _) => {
            "Give the region of the server's configuration (`s3_region`, by default `garage`) with --region or AWS_REGION."
        }
        (Error::Conflict(_), _) => {
            "`k2v-cli conflicts ls PK` shows such items, `k2v-cli resolve PK SK` makes one value of theirs."
        }
        (Error::StillConflicting { .. }, _) => "Other writers are faster: try again, or stop them first.",
        (Error::InvalidToken(_), _) => {
            "Read the item again and give the token that comes with it, whole and unchanged."
        }
        (Error::TooLarge(_), Act::Read) => "Shorten the keys: the server's limits are in its manual.",
        (Error::TooLarge(_), Act::Write) => {
            "Split the value, or ask the operator to raise the server's limit."
        }
        (Error::Unavailable(_), Act::Read) => "Try again; if it stays so, look at the server's log.",
        (Error::Unavailable(_), Act::Write) => {
            "The write may have been applied: read before you try again. If it stays so, look at the server's log."
        }
        (Error::InsufficientStorage(_), _) => {
            "Nothing was written. Make room on the server's disk, then try again."
        }
        (Error::Timeout { .. }, Act::Read) => "Try again, or allow more time with --request-timeout.",
        (Error::Timeout { .. }, Act::Write) => {
            "The write may have been applied: read before you try again. --request-timeout allows more time."
        }
        (Error::Connect { .. }, _) => CHECK_ENDPOINT,
        (Error::Tls { .. }, _) => "Give the authority that signed the server's certificate with --ca-file.",
        (Error::Disconnected(_), Act::Read) => "Try again; if it stays so, look at the server's log.",
        (Error::Disconnected(_), Act::Write) => "The write may have been applied: read before you try again.",
        (Error::ResponseTooLarge { .. }, Act::Read) => {
            "Ask for less at once: a narrower range, or fewer items."
        }
        (Error::InvalidResponse(_), _) => {
            "Is the endpoint that of a K2V API? The S3 and admin APIs have other ports."
        }
        _ => return None,
    })
}

/// The next step when a server cannot be reached at all.
pub(crate) fn unreachable() -> &'static str {
    CHECK_ENDPOINT
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k2v_client::RemoteError;

    use super::*;

    #[test]
    fn a_read_is_never_told_about_writes() {
        let remote = || {
            let status = http::StatusCode::SERVICE_UNAVAILABLE;
            Box::new(RemoteError { status, code: "C".into(), message: "m".into(), path: "/".into() })
        };
        for error in [
            Error::Unavailable(remote()),
            Error::AccessDenied(remote()),
            Error::TooLarge(remote()),
            Error::Timeout { after: Duration::ZERO },
            Error::Disconnected("reset".into()),
        ] {
            let hint = |act| hint_of(&error, act).unwrap().to_lowercase();
            assert!(!hint(Act::Read).contains("writ"), "{error}: {}", hint(Act::Read));
            assert_ne!(hint(Act::Read), hint(Act::Write), "{error}");
        }
    }
}
