use super::*;
use crate::transport::Link;
use proptest::prelude::*;

fn hello() -> Box<Hello> {
    Box::new(Hello {
        version_oldest: 1,
        version_newest: 1,
        proof: [7; 32],
        cluster: None,
        boot: 5,
        link: Link::Bulk,
        public_addr: Some("a:1".to_owned()),
        environments: vec![Environment { id: 300, sequence: 2 }],
    })
}

fn check(head: Head, body: &[u8], expected: &str) {
    let mut bytes = Vec::new();
    write(&mut bytes, 1, &head, body);
    assert_eq!(hex::encode(&bytes), expected);
    let length = bytes.len();
    let frame = Frame { version: 1, head, body, bytes: length };
    assert_eq!(read(&bytes), Ok(Read::Frame(frame)));
    assert_eq!(read(&bytes[..length - 1]), Ok(Read::Incomplete));
}

#[test]
fn the_bytes_of_every_kind_of_frame_stay_as_they_are() {
    let proof = "07".repeat(32);
    check(Head::Hello(hello()), b"", &format!("0000003001000101{proof}0005010103613a3101ac0202"));
    check(Head::Goodbye(Goodbye::OtherCluster), b"", "00000003010101");
    check(Head::Request { id: 300, deadline_ms: 5, subsystem: 3 }, b"hi", "000000080102ac0205036869");
    check(Head::Answer { id: 1 }, b"hi", "000000050103016869");
    check(Head::Refused { id: 1, refusal: Refusal::Busy }, b"", "0000000401040100");
    check(Head::Tell { subsystem: 2 }, b"hi", "000000050105026869");
    check(Head::Ping { sent_us: 9, cluster: None, environments: Vec::new() }, b"", "000000050106090000");
    check(Head::Pong { sent_us: 9 }, b"", "00000003010709");
    check(Head::Piece { is_last: true }, b"hi", "000000050108016869");
    check(Head::NotUnderstood { kind: 200 }, b"", "000000030109c8");
}

#[test]
fn kinds_are_counted() {
    let last = head_bytes(&Head::NotUnderstood { kind: 0 });
    assert_eq!(last[0] + 1, KINDS);
    assert_eq!(read(&[0, 0, 0, 3, 1, KINDS, 9]), Ok(Read::Unknown { kind: KINDS, bytes: 7 }));
}

#[test]
fn a_longer_hello_is_read_and_other_frames_may_not_be_longer() {
    let mut bytes = Vec::new();
    write(&mut bytes, 1, &Head::Hello(hello()), b"what a later version adds");
    assert!(matches!(read(&bytes), Ok(Read::Frame(Frame { head: Head::Hello(_), .. }))));
    bytes.clear();
    write(&mut bytes, 1, &Head::Pong { sent_us: 9 }, b"x");
    assert_eq!(read(&bytes), Err(FrameError::Malformed));
}

#[test]
fn frames_that_are_too_long_are_refused_by_their_announcement() {
    let announced = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_be_bytes();
    assert_eq!(read(&announced), Err(FrameError::TooLong(FRAME_BYTES_MAX + 1)));
    assert_eq!(read(&[0xff; 4]), Err(FrameError::TooLong(0xffff_ffff)));
    assert_eq!(read(&[0; 4]), Err(FrameError::Malformed));
}

proptest! {
    #[test]
    fn a_frame_is_read_as_it_was_written(id: u64, deadline_ms: u32, subsystem: u8, body: Vec<u8>) {
        for head in [
            Head::Request { id, deadline_ms, subsystem },
            Head::Answer { id },
            Head::Tell { subsystem },
            Head::Piece { is_last: subsystem % 2 == 0 },
        ] {
            let mut bytes = Vec::new();
            write(&mut bytes, 1, &head, &body);
            let frame = Frame { version: 1, head, body: &body, bytes: bytes.len() };
            prop_assert_eq!(read(&bytes), Ok(Read::Frame(frame)));
        }
    }

    #[test]
    fn bytes_that_are_no_frame_do_no_harm(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let mut framed = u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
        framed.extend(&bytes);
        if let Ok(Read::Frame(frame)) = read(&framed) {
            prop_assert_eq!(frame.bytes, framed.len());
        }
    }
}
