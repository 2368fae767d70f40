//! What did not come from here is refused, and never crashes its reader.

use super::{bytes, context, dot, key};
use crate::causality::{Context, Item, MarkerError, SeenMarker, TokenError, TokenKey, Value};
use crate::ids::{ActorId, PartitionHash};
use crate::limits::{MARKER_BYTES_MAX, TOKEN_BYTES_MAX};
use proptest::prelude::*;

const HERE: PartitionHash = PartitionHash([1; 16]);
const ELSEWHERE: PartitionHash = PartitionHash([2; 16]);
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn seal(context: &Context) -> String {
    key().seal_token(HERE, "sk", context)
}

fn open(token: &str) -> Result<Context, TokenError> {
    key().open_token(HERE, "sk", token)
}

fn token() -> String {
    seal(&context(&[(3, 5), (8, 13)]))
}

fn marker() -> SeenMarker {
    SeenMarker { seen: vec![(ActorId(3), 5)] }
}

fn wide_context(actor_count: u64) -> Context {
    Context::from_ascending((0..actor_count).map(|actor| (ActorId(actor), u64::MAX)).collect()).unwrap()
}

#[test]
fn a_token_with_any_one_character_changed_is_refused() {
    let token = token();
    for at in 0..token.len() {
        for other in ALPHABET.chars().filter(|other| !token[at..].starts_with(*other)) {
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert!(open(&changed).is_err(), "{changed}");
        }
    }
}

#[test]
fn a_token_that_is_cut_or_stretched_is_refused() {
    let token = token();
    for kept in 0..token.len() {
        assert!(open(&token[..kept]).is_err(), "{kept} characters");
    }
    for tail in ["A", "=", "==", " ", "\n", &token] {
        assert!(open(&format!("{token}{tail}")).is_err(), "{tail:?}");
    }
    let pairs_alone = &token[token.len() - 42..];
    assert!(open(pairs_alone).is_err());
}

#[test]
fn a_token_serves_its_item_alone() {
    assert_eq!(open(&token()), Ok(context(&[(3, 5), (8, 13)])));
    for (partition, sort_key) in [(ELSEWHERE, "sk"), (HERE, "sl"), (HERE, "s"), (HERE, "skk"), (HERE, "")] {
        assert_eq!(key().open_token(partition, sort_key, &token()), Err(TokenError::Forged), "{sort_key}");
    }
}

/// A sort key and the first pair of a context are both up to clients: 16 bytes of the one must not pass for the other.
#[test]
fn the_end_of_a_sort_key_is_no_pair() {
    let pair = "actorid.timetime";
    let long = key().seal_token(HERE, &format!("sk{pair}"), &Context::empty());
    let mac = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, long).unwrap();
    let moved = [&mac[..], pair.as_bytes()].concat();
    let text = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, moved);
    assert_eq!(open(&text), Err(TokenError::Forged));
}

#[test]
fn a_token_under_another_key_is_forged() {
    let foreign = TokenKey::new(&[8; 32]).seal_token(HERE, "sk", &context(&[(3, 5)]));
    assert_eq!(open(&foreign), Err(TokenError::Forged));
}

#[test]
fn a_token_in_the_form_of_other_servers_is_forged() {
    let xor_of_all = 3u64 ^ 5;
    let words = [xor_of_all, 3, 5].map(u64::to_be_bytes).concat();
    let text = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, words);
    assert_eq!(open(&text), Err(TokenError::Forged));
}

#[test]
fn the_widest_token_is_read_back_and_a_wider_one_is_refused_unread() {
    let actor_count_max = (TOKEN_BYTES_MAX as u64 - 8) / 16;
    let widest = wide_context(actor_count_max);
    assert_eq!(open(&seal(&widest)), Ok(widest));
    let wider = seal(&wide_context(actor_count_max + 1));
    assert_eq!(open(&wider), Err(TokenError::TooLong));
}

#[test]
fn a_token_that_covers_nothing_is_a_token() {
    let empty = seal(&Context::empty());
    assert_eq!(open(&empty), Ok(Context::empty()));
}

#[test]
fn a_marker_serves_its_partition_alone() {
    let text = key().seal_marker(HERE, &marker());
    assert_eq!(key().open_marker(HERE, &text), Ok(marker()));
    assert_eq!(key().open_marker(ELSEWHERE, &text), Err(MarkerError::Forged));
}

#[test]
fn a_token_is_no_marker_and_a_marker_is_no_token() {
    let marker_text = key().seal_marker(HERE, &marker());
    assert_eq!(open(&marker_text), Err(TokenError::Forged));
    assert_eq!(key().open_token(HERE, "", &marker_text), Err(TokenError::Forged));
    let token_text = seal(&context(&[(3, 5)]));
    assert_eq!(key().open_marker(HERE, &token_text), Err(MarkerError::Forged));
}

#[test]
fn an_overlong_marker_is_refused_unread() {
    let seen = (0..MARKER_BYTES_MAX as u64 / 16 + 1).map(|actor| (ActorId(actor), 1)).collect();
    let text = key().seal_marker(HERE, &SeenMarker { seen });
    assert_eq!(key().open_marker(HERE, &text), Err(MarkerError::TooLong));
}

#[test]
fn the_key_does_not_show_in_debug_output() {
    assert_eq!(format!("{:?}", key()), "TokenKey(secret)");
}

fn sample_item() -> Item<'static> {
    let mut item = Item::empty();
    item.write(dot(7, 300), &Context::empty(), bytes("one"));
    item.write(dot(7, 301), &Context::empty(), bytes(""));
    item.write(dot(9, 2), &context(&[(7, 300), (8, 4)]), Value::Tombstone);
    item
}

#[test]
fn an_item_that_is_cut_or_stretched_is_not_an_item() {
    let encoded = sample_item().encode();
    for kept in 0..encoded.len() {
        assert_eq!(Item::decode(&encoded[..kept]), None, "{kept} bytes");
    }
    assert_eq!(Item::decode(&[&encoded[..], &[0]].concat()), None);
}

#[test]
fn an_item_whose_order_is_broken_is_not_an_item() {
    let branch = |actor: u8, seen: u8, times: &[u8]| {
        let mut row = vec![actor, 0, 0, 0, 0, 0, 0, 0, seen, times.len() as u8];
        row.extend(times.iter().flat_map(|&time| [time, 0]));
        row
    };
    let item = |branches: &[Vec<u8>]| [vec![branches.len() as u8], branches.concat()].concat();
    assert!(Item::decode(&item(&[branch(1, 0, &[1, 2]), branch(2, 5, &[6])])).is_some());
    assert_eq!(Item::decode(&item(&[branch(2, 0, &[1]), branch(1, 0, &[1])])), None, "actors descend");
    assert_eq!(Item::decode(&item(&[branch(1, 0, &[1]), branch(1, 0, &[2])])), None, "an actor twice");
    assert_eq!(Item::decode(&item(&[branch(1, 0, &[2, 1])])), None, "times descend");
    assert_eq!(Item::decode(&item(&[branch(1, 0, &[1, 1])])), None, "a dot twice");
    let endless = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(Item::decode(&endless), None, "a count that no memory holds");
}

/// Whatever decodes is an item like any other: in order, and the same after another round.
fn check_any_bytes(bytes: &[u8]) {
    if let Some(item) = Item::decode(bytes) {
        assert_eq!(Item::decode(&item.encode()), Some(item.clone()));
        assert!(item.is_covered_by(&item.token_context()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_make_the_item_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check_any_bytes(&bytes);
    }

    #[test]
    fn no_damage_to_an_item_makes_the_decoder_panic(at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let mut encoded = sample_item().encode();
        let at = at.index(encoded.len());
        encoded[at] ^= flip;
        check_any_bytes(&encoded);
    }

    #[test]
    fn no_text_opens_that_was_not_sealed_here(text in any::<String>(), words in "[A-Za-z0-9_-]{0,200}") {
        for text in [text, words] {
            prop_assert!(open(&text).is_err());
            prop_assert!(key().open_marker(HERE, &text).is_err());
        }
    }

    #[test]
    fn what_was_sealed_here_opens_here(
        pairs in prop::collection::btree_map(any::<u64>(), any::<u64>(), 0..40)
    ) {
        let pairs: Vec<_> = pairs.into_iter().map(|(actor, time)| (ActorId(actor), time)).collect();
        let context = Context::from_ascending(pairs.clone()).unwrap();
        prop_assert_eq!(open(&seal(&context)), Ok(context));
        let marker = SeenMarker { seen: pairs };
        prop_assert_eq!(key().open_marker(HERE, &key().seal_marker(HERE, &marker)), Ok(marker));
    }
}
