//! How an item looks in JSON.

use crate::http::json::{push_base64, push_string};
use troupe_actors::causality::{Item, TokenKey, Value};
use troupe_actors::ids::PartitionHash;

/// Appends `["<base64>"|null,…]`: every distinct value once.
pub(crate) fn push_values(out: &mut Vec<u8>, item: &Item<'_>) {
    out.push(b'[');
    if item.sibling_count() == 1 {
        // Almost every item: nothing to compare, nothing to allocate.
        item.siblings().for_each(|(_, value)| push_value(out, value));
    } else {
        for (at, value) in item.values().into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            push_value(out, value);
        }
    }
    out.push(b']');
}

/// Appends `{"sk":…,"ct":…,"v":[…]}`.
pub(crate) fn push_item(
    out: &mut Vec<u8>,
    partition: PartitionHash,
    sort_key: &str,
    item: &Item<'_>,
    tokens: &TokenKey,
) {
    out.extend_from_slice(br#"{"sk":"#);
    push_string(out, sort_key);
    out.extend_from_slice(br#","ct":""#);
    out.extend_from_slice(tokens.seal_token(partition, sort_key, &item.token_context()).as_bytes());
    out.extend_from_slice(br#"","v":"#);
    push_values(out, item);
    out.push(b'}');
}

fn push_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Tombstone => out.extend_from_slice(b"null"),
        Value::Bytes(bytes) => push_base64(out, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use troupe_actors::causality::{Context, Dot};
    use troupe_actors::ids::ActorId;

    fn item(values: &[Option<&'static str>]) -> Item<'static> {
        let mut item = Item::empty();
        for (time, value) in (1..).zip(values) {
            let value = value.map_or(Value::Tombstone, |text| Value::Bytes(text.as_bytes().into()));
            item.write(Dot { actor: ActorId(7), time }, &Context::empty(), value);
        }
        item
    }

    fn check(values: &[Option<&'static str>], expected: &str) {
        let mut out = Vec::new();
        push_values(&mut out, &item(values));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn identical_concurrent_values_are_shown_once() {
        check(&[Some("a")], r#"["YQ=="]"#);
        check(&[Some("")], r#"[""]"#);
        check(&[None], "[null]");
        check(&[Some("a"), None, Some("b")], r#"["YQ==",null,"Yg=="]"#);
        check(&[Some("a"), Some("a"), None, None], r#"["YQ==",null]"#);
        check(&[None, None], "[null]");
    }

    #[test]
    fn an_item_carries_its_key_its_token_and_its_values() {
        let tokens = TokenKey::new(&[1; 32]);
        let item = item(&[Some("a")]);
        let mut out = Vec::new();
        let partition = PartitionHash([3; 16]);
        push_item(&mut out, partition, "k\"/é", &item, &tokens);
        let token = tokens.seal_token(partition, "k\"/é", &item.token_context());
        let expected = format!(r#"{{"sk":"k\"/é","ct":"{token}","v":["YQ=="]}}"#);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
