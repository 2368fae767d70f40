//! Dates as the API spells them.

use super::error::AdminError;
use jiff::Timestamp;

/// Milliseconds since 1970 as RFC 3339. A time beyond what it can write is shown as its last one.
pub(super) fn rfc3339(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX).to_string()
}

/// `expiration` and `neverExpires` of a body: nothing, never, or milliseconds since 1970.
pub(super) fn expiration(date: Option<&str>, never: bool) -> Result<Option<Option<u64>>, AdminError> {
    let field = "expiration";
    match (date, never) {
        (None, false) => Ok(None),
        (None, true) => Ok(Some(None)),
        (Some(_), true) => Err(AdminError::OneOf("`expiration` and `neverExpires`")),
        (Some(date), false) => {
            let expected = "a date after 1970 by RFC 3339, such as 2030-01-31T12:00:00Z";
            let ms = date.parse::<Timestamp>().ok().and_then(|t| u64::try_from(t.as_millisecond()).ok());
            ms.map(|ms| Some(Some(ms))).ok_or(AdminError::Field { field, expected })
        }
    }
}
