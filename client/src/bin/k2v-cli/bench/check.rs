//! Whether an answer is the right one.

use k2v_client::Value;
use serde::Deserialize;

use super::keyspace::Keyspace;
use super::request::Kind;

/// Checks statuses, and contents if asked to.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    pub(crate) keys: Keyspace,
    /// How many items of the benchmark exist from the start.
    pub(crate) populated: u64,
    pub(crate) checks_values: bool,
}

#[derive(Deserialize)]
struct RangeAnswer {
    items: Vec<RangeItem>,
}

#[derive(Deserialize)]
struct RangeItem {
    sk: String,
    v: Vec<Value>,
}

impl Checker {
    /// An error is a sentence that the report counts.
    pub(crate) fn check(&self, kind: Kind, number: u64, status: u16, body: &[u8]) -> Result<(), String> {
        let expected = match kind {
            Kind::Read | Kind::Range(_) => 200,
            Kind::Insert | Kind::Batch(_) => 204,
        };
        if status != expected {
            return Err(format!("status {status}: {}", excerpt(body)));
        }
        if !self.checks_values {
            return Ok(());
        }
        match kind {
            Kind::Read if body != self.keys.value(number) => {
                Err("a value is not the one that was written".into())
            }
            Kind::Range(limit) => self.check_range(number, limit, body),
            Kind::Read | Kind::Insert | Kind::Batch(_) => Ok(()),
        }
    }

    fn check_range(&self, number: u64, limit: u64, body: &[u8]) -> Result<(), String> {
        let answers: Vec<RangeAnswer> =
            serde_json::from_slice(body).map_err(|error| format!("a range is not JSON: {error}"))?;
        let [answer] = answers.as_slice() else { return Err("a range has not one result".into()) };
        let partition = number % self.keys.partitions();
        let expected: Vec<u64> = (0..limit)
            .map(|index| partition + index * self.keys.partitions())
            .take_while(|item| *item < self.populated)
            .collect();
        if answer.items.len() != expected.len() {
            return Err("a range has not as many items as were written".into());
        }
        for (item, expected) in answer.items.iter().zip(expected) {
            if item.sk != Keyspace::sk(expected) || item.v != [Value::from(self.keys.value(expected))] {
                return Err("an item of a range is not the one that was written".into());
            }
        }
        Ok(())
    }
}

/// The start of an error's body: enough to know it.
fn excerpt(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct ErrorBody {
        code: String,
        message: String,
    }
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(error) => crate::output::printable(&format!("{}: {}", error.code, error.message)),
        Err(_) => crate::output::printable(&String::from_utf8_lossy(&body[..body.len().min(80)])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checker() -> Checker {
        Checker { keys: Keyspace::new("run-".into(), 2, 16), populated: 5, checks_values: true }
    }

    fn range(items: &[u64]) -> Vec<u8> {
        let items: Vec<_> = items
            .iter()
            .map(|&item| {
                let value = Value::from(checker().keys.value(item));
                serde_json::json!({ "sk": Keyspace::sk(item), "ct": "t", "v": [value] })
            })
            .collect();
        serde_json::to_vec(&serde_json::json!([{ "items": items, "more": false }])).unwrap()
    }

    #[test]
    fn a_wrong_status_is_an_error_with_the_servers_words() {
        let body = br#"{"code":"ServiceUnavailable","message":"no quorum"}"#;
        let error = checker().check(Kind::Insert, 1, 503, body).unwrap_err();
        assert_eq!(error, "status 503: ServiceUnavailable: no quorum");
        assert!(checker().check(Kind::Insert, 1, 204, b"").is_ok());
        assert!(checker().check(Kind::Insert, 1, 200, b"").is_err());
    }

    #[test]
    fn a_wrong_value_is_an_error() {
        let value = checker().keys.value(3);
        assert!(checker().check(Kind::Read, 3, 200, &value).is_ok());
        assert!(checker().check(Kind::Read, 4, 200, &value).is_err());
        let unchecked = Checker { checks_values: false, ..checker() };
        assert!(unchecked.check(Kind::Read, 4, 200, &value).is_ok());
    }

    #[test]
    fn a_range_holds_the_items_of_its_partition_and_no_others() {
        let check = |items: &[u64]| checker().check(Kind::Range(10), 1, 200, &range(items));
        check(&[1, 3]).unwrap();
        assert!(check(&[1]).is_err());
        assert!(check(&[1, 2]).is_err());
        let limited = checker().check(Kind::Range(2), 0, 200, &range(&[0, 2]));
        limited.unwrap();
    }
}
