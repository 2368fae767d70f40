use super::*;
use crate::limits::{LINK_TICK_MS, PIECE_BYTES_MAX};
use crate::transport::outbox::Outbox;

type Conn = Connection<&'static str>;

struct Linked {
    connection: Conn,
    now: Instant,
}

impl Linked {
    fn new() -> Linked {
        let now = crate::clock::monotonic_now();
        Linked { connection: Connection::new(now, 1), now }
    }

    fn receive(&mut self, head: Head, body: &[u8]) -> Result<Option<Effect<&'static str>>, LinkError> {
        self.connection.receive(self.now, Frame { version: 1, head, body, bytes: 0 }, 0)
    }

    fn request(&mut self, subsystem: u8, body: &[u8]) -> Effect<&'static str> {
        self.receive(Head::Request { id: 7, deadline_ms: 50, subsystem }, body).unwrap().unwrap()
    }
}

fn refused(refusal: Refusal) -> Effect<&'static str> {
    Effect::Reply(Outgoing::Answer { id: 7, answer: Err(refusal) })
}

#[test]
fn a_request_is_served_and_an_answer_ends_one() {
    let mut linked = Linked::new();
    let deadline = Duration::from_millis(50);
    let body = Bytes::from_static(b"hi");
    let expected = Effect::Serve { id: 7, subsystem: Subsystem::Merge, body: body.clone(), deadline };
    assert_eq!(linked.request(3, b"hi"), expected);
    let id = linked.connection.pending().ask(linked.now, linked.now + deadline, "asker");
    let ended = Effect::Ended { asker: "asker", outcome: Ok(body) };
    assert_eq!(linked.receive(Head::Answer { id }, b"hi"), Ok(Some(ended)));
    assert_eq!(linked.receive(Head::Answer { id }, b"hi"), Ok(None), "nobody waits for it any more");
}

#[test]
fn what_is_not_known_is_refused_and_the_link_stays() {
    let mut linked = Linked::new();
    assert_eq!(linked.request(99, b""), refused(Refusal::NotServed));
    assert_eq!(linked.receive(Head::Tell { subsystem: 99 }, b""), Ok(None));
    let effect = linked.connection.receive_unknown(linked.now, 42);
    assert_eq!(effect, Effect::Reply(Outgoing::Link(Head::NotUnderstood { kind: 42 })));
}

#[test]
fn a_peer_that_asks_too_much_at_once_is_refused_until_answers_are_sent() {
    let mut linked = Linked::new();
    for _ in 0..LINK_SERVED_MAX {
        assert!(matches!(linked.request(3, b""), Effect::Serve { .. }));
    }
    assert_eq!(linked.request(3, b""), refused(Refusal::Busy));
    linked.connection.made(&Made { late: Vec::new(), answers: 1, frames: 0 });
    assert_eq!(linked.request(3, b""), refused(Refusal::Busy), "the refusal has to be sent, too");
    linked.connection.made(&Made { late: Vec::new(), answers: 2, frames: 0 });
    assert!(matches!(linked.request(3, b""), Effect::Serve { .. }));
}

#[test]
fn the_bytes_that_a_peer_has_served_are_bounded_and_a_long_request_is_taken_alone() {
    let mut linked = Linked::new();
    let too_long = vec![0; LINK_SERVED_BYTES_MAX + 1];
    let long = vec![0; PIECE_BYTES_MAX + 1];
    assert!(matches!(linked.request(3, &too_long), Effect::Serve { .. }));
    assert_eq!(linked.request(3, &long), refused(Refusal::Busy));
    assert!(matches!(linked.request(3, b"short"), Effect::Serve { .. }), "it is not held up by long ones");
    linked.connection.served(too_long.len(), true);
    assert!(matches!(linked.request(3, &long), Effect::Serve { .. }));
    let frame = Frame {
        version: 1,
        head: Head::Request { id: 7, deadline_ms: 1, subsystem: 3 },
        body: b"x",
        bytes: 0,
    };
    let effect = linked.connection.receive(linked.now, frame, LINK_ANSWER_BYTES_MAX + 1);
    assert_eq!(effect, Ok(Some(refused(Refusal::Busy))), "answers that nobody takes count");
}

#[test]
fn pieces_make_up_a_message_between_others() {
    let mut sender = Linked::new();
    let body = Bytes::from((0..=255).cycle().take(3 * PIECE_BYTES_MAX).collect::<Vec<u8>>());
    let mut outbox = Outbox::new();
    let until = sender.now + Duration::from_secs(1);
    outbox.push(Outgoing::Request { subsystem: 5, body: body.clone(), until, asker: "x" }).unwrap();
    outbox.push(Outgoing::Tell { subsystem: 2, body: Bytes::from_static(b"told") }).unwrap();
    let mut bytes = Vec::new();
    outbox.fill(sender.now, 1, sender.connection.pending(), &mut bytes);
    let mut receiver = Linked::new();
    let mut rest = bytes.as_slice();
    let mut effects = Vec::new();
    while let Ok(frame::Read::Frame(frame)) = frame::read(rest) {
        rest = &rest[frame.bytes..];
        effects.extend(receiver.connection.receive(receiver.now, frame, 0).unwrap());
    }
    let deadline = Duration::from_secs(1);
    let told = Effect::Told { subsystem: Subsystem::Membership, body: Bytes::from_static(b"told") };
    let serve = Effect::Serve { id: 1, subsystem: Subsystem::AntiEntropy, body, deadline };
    assert_eq!(effects, [told, serve]);
}

#[test]
fn pieces_without_end_end_the_link() {
    let mut linked = Linked::new();
    let piece = vec![0; PIECE_BYTES_MAX];
    for _ in 0..MESSAGE_BYTES_MAX / PIECE_BYTES_MAX {
        assert_eq!(linked.receive(Head::Piece { is_last: false }, &piece), Ok(None));
    }
    let outcome = linked.receive(Head::Piece { is_last: false }, &piece);
    assert_eq!(outcome, Err(LinkError::MessageTooLong));
}

#[test]
fn frames_out_of_place_end_the_link() {
    let mut linked = Linked::new();
    let goodbye = linked.receive(Head::Goodbye(Goodbye::Removed), b"");
    assert_eq!(goodbye, Err(LinkError::Goodbye(Goodbye::Removed)));
    let piece = frame::head_bytes(&Head::Piece { is_last: true });
    let nested = linked.receive(Head::Piece { is_last: true }, &piece);
    assert_eq!(nested, Err(LinkError::OutOfPlace));
    let other = Frame { version: 2, head: Head::Pong { sent_us: 0 }, body: b"", bytes: 0 };
    assert_eq!(linked.connection.receive(linked.now, other, 0), Err(LinkError::Version(2)));
}

#[test]
fn a_link_pings_each_second_and_is_lost_in_silence() {
    let mut linked = Linked::new();
    linked.connection.pending().ask(linked.now, linked.now + Duration::from_secs(1), "late");
    let (mut pings, mut expired) = (Vec::new(), Vec::new());
    let mut waited_ms = 0;
    let silent = loop {
        match linked.connection.tick(linked.now) {
            Ok(due) => {
                pings.extend(due.ping);
                expired.extend(due.expired);
            }
            Err(error) => break error,
        }
        linked.now += Duration::from_millis(LINK_TICK_MS);
        waited_ms += LINK_TICK_MS;
    };
    assert_eq!((silent, waited_ms), (LinkError::Silent, LINK_SILENCE_MS_MAX));
    assert_eq!(pings, [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]);
    assert_eq!(expired, ["late"]);
}

#[test]
fn a_link_on_which_the_peer_hears_nothing_is_lost_although_it_speaks() {
    let mut linked = Linked::new();
    let step = Duration::from_millis(PING_INTERVAL_MS);
    for second in 0..20 {
        assert!(linked.connection.tick(linked.now).is_ok(), "{second} s");
        let sent_us = linked.connection.micros(linked.now);
        linked.receive(Head::Pong { sent_us }, b"").unwrap();
        linked.now += step;
    }
    let lost = (0..).find(|_| {
        linked.receive(Head::Tell { subsystem: 2 }, b"").unwrap();
        let is_lost = linked.connection.tick(linked.now).is_err();
        linked.now += step;
        is_lost
    });
    assert_eq!(lost, Some(5));
}

#[test]
fn a_pong_measures_the_round_trip_and_a_false_one_does_no_harm() {
    let mut linked = Linked::new();
    linked.now += Duration::from_micros(500);
    assert_eq!(linked.receive(Head::Pong { sent_us: 100 }, b""), Ok(Some(Effect::Measured)));
    assert_eq!(linked.connection.round_trip().smoothed_us(), Some(400));
    assert_eq!(linked.receive(Head::Pong { sent_us: u64::MAX }, b""), Ok(Some(Effect::Measured)));
    assert_eq!(linked.connection.round_trip().smoothed_us(), Some(350));
}

#[test]
fn a_lost_link_ends_its_requests_as_unknown() {
    let mut linked = Linked::new();
    linked.connection.pending().ask(linked.now, linked.now + Duration::from_secs(1), "asker");
    let (askers, error) = linked.connection.close();
    assert_eq!(askers.collect::<Vec<_>>(), ["asker"]);
    assert_eq!(error, RequestError::Unknown(UnknownOutcome::LinkLost));
}
