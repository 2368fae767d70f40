//! What answers say, and the shape that every error has.

use super::Response;
use base64::Engine;
use serde_json::Value;

/// What an item holds: a token, and values of which `None` is a tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Item {
    pub(crate) token: String,
    pub(crate) values: Vec<Option<Vec<u8>>>,
}

impl Item {
    /// Reads an answer in JSON to ReadItem or PollItem.
    #[track_caller]
    pub(crate) fn of_answer(response: &Response) -> Item {
        assert_eq!(response.header("content-type"), Some("application/json"), "{response}");
        Item { token: response.token(), values: values_of(&response.json()) }
    }

    /// Whether it holds exactly these values, in any order; concurrent values have none.
    pub(crate) fn holds(&self, expected: &[Option<&str>]) -> bool {
        let mut values = self.values.clone();
        let mut expected: Vec<_> =
            expected.iter().map(|value| value.map(|v| v.as_bytes().to_vec())).collect();
        values.sort();
        expected.sort();
        values == expected
    }
}

/// The items of one page of ReadBatch or PollRange, in their order.
#[track_caller]
pub(crate) fn page_items(page: &Value) -> Vec<(String, Item)> {
    let item = |item: &Value| {
        let text = |field: &str| item[field].as_str().expect("a string").to_owned();
        (text("sk"), Item { token: text("ct"), values: values_of(&item["v"]) })
    };
    page["items"].as_array().unwrap_or_else(|| panic!("no items in {page}")).iter().map(item).collect()
}

/// The sort keys of one page, in their order.
#[track_caller]
pub(crate) fn sort_keys_of(page: &Value) -> Vec<String> {
    page_items(page).into_iter().map(|(sk, _)| sk).collect()
}

fn values_of(list: &Value) -> Vec<Option<Vec<u8>>> {
    let value = |value: &Value| {
        let text = value.as_str()?;
        Some(base64::engine::general_purpose::STANDARD.decode(text).expect("padded standard base64"))
    };
    list.as_array().expect("a list of values").iter().map(value).collect()
}

/// Checks status and code, and what is true of every error: its shape, its exact content type, and that it tells
/// nothing of how the server is built.
#[track_caller]
pub(crate) fn check_error(response: &Response, status: u16, code: &str) -> String {
    assert_eq!(response.status, status, "{response}");
    assert_eq!(response.header("content-type"), Some("application/json"), "{response}");
    let body = response.json();
    let fields: Vec<_> = body.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(fields.len(), 4, "{response}");
    for field in ["code", "message", "region", "path"] {
        assert!(body[field].is_string(), "{field}: {response}");
    }
    assert_eq!(body["code"], code, "{response}");
    let message = body["message"].as_str().unwrap_or_default().to_owned();
    assert!(!message.is_empty(), "{response}");
    for leak in ["heed", "lmdb", "MDB_", "Mdb", ".rs:", "panicked", "actix", "serde", "os error", "Mailbox"] {
        assert!(!message.contains(leak), "the message speaks of {leak}: {message}");
    }
    message
}
