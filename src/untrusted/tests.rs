//! The same doors as the fuzz targets, with random bytes, and with what is almost right.

use super::*;
use proptest::prelude::*;

/// Inputs that are right, or nearly: mutations of them go deeper than random bytes do. The fuzz targets begin with them.
macro_rules! seed {
    ($path:literal) => {
        include_bytes!(concat!("../../fuzz/seeds/", $path))
    };
}

/// Cuts, flips, repeats: a few small changes of one input.
fn mutated(seed: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..5_u8);
    prop::collection::vec(change, 0..4).prop_map(move |changes| {
        changes.into_iter().fold(seed.to_vec(), |mut bytes, (at, byte, how)| {
            let at = at.index(bytes.len() + 1);
            match how {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 if at < bytes.len() => bytes[at] = byte,
                3 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at..),
            }
            bytes
        })
    })
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..200)
}

/// Any bytes, or one of these with some changes.
fn near(seeds: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![anything(), prop::sample::select(seeds).prop_flat_map(mutated)]
}

proptest! {
    #[test]
    fn nobody_signs_without_the_secret(input in near(&[seed!("signature/header"), seed!("signature/presigned")])) {
        signature(&input);
    }

    #[test]
    fn bytes_are_an_item_or_none(input in near(&[seed!("item/siblings")])) {
        item(&input);
    }

    #[test]
    fn bytes_of_a_peer_are_frames_or_end_the_link(input in near(&[seed!("frames/each")])) {
        frames(&input);
    }

    #[test]
    fn nobody_seals_without_the_key(
        input in prop_oneof![near(&[seed!("sealed/token")]), "[A-Za-z0-9_-]{0,120}".prop_map(String::into_bytes)],
    ) {
        sealed(&input);
    }

    #[test]
    fn a_body_is_read_or_refused(
        input in near(&[seed!("body/insert"), seed!("body/read"), seed!("body/single"), seed!("body/poll")]),
    ) {
        body(&input);
    }

    #[test]
    fn a_request_line_is_read_or_refused(input in near(&[seed!("request_line/listing")])) {
        request_line(&input);
    }

    #[test]
    fn a_configuration_is_read_or_refused(input in near(&[seed!("config/garage")])) {
        config(&input);
    }

    #[test]
    fn rows_are_read_or_refused(input in anything()) {
        control_rows(&input);
    }
}

#[test]
fn the_seeds_are_what_they_stand_for() {
    assert!(Item::decode(seed!("item/siblings")).is_some_and(|item| item.sibling_count() == 3));
    assert_eq!(seed!("frames/each")[..4], [0, 0, 0, 8], "frames begin with their length");
    let text = std::str::from_utf8(seed!("config/garage")).unwrap();
    assert!(Config::parse(Path::new("troupe.toml"), text, &BTreeMap::new()).is_ok());
}
