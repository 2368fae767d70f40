use super::*;
use crate::limits::FRAME_BYTES_MAX;
use crate::transport::frame::{Read, read};
use std::time::Duration;

struct Sent {
    outbox: Outbox<&'static str>,
    pending: Pending<&'static str>,
    now: Instant,
}

impl Sent {
    fn new() -> Sent {
        Sent { outbox: Outbox::new(), pending: Pending::new(), now: crate::clock::monotonic_now() }
    }

    fn request(&self, bytes: usize, asker: &'static str) -> Outgoing<&'static str> {
        let until = self.now + Duration::from_secs(1);
        Outgoing::Request { subsystem: 3, body: vec![1; bytes].into(), until, asker }
    }

    fn push(&mut self, bytes: usize, asker: &'static str) -> Option<NotSent> {
        let message = self.request(bytes, asker);
        self.outbox.push(message).err()
    }

    /// The heads of the frames that one fill makes, and the requests that are late.
    fn fill(&mut self) -> (Vec<Head>, Vec<&'static str>) {
        let mut bytes = Vec::new();
        let made = self.outbox.fill(self.now, 1, &mut self.pending, &mut bytes);
        assert!(bytes.len() <= LINK_WRITE_BYTES + 2 * FRAME_BYTES_MAX);
        let mut rest = bytes.as_slice();
        let mut heads = Vec::new();
        while let Ok(Read::Frame(frame)) = read(rest) {
            rest = &rest[frame.bytes..];
            heads.push(frame.head);
        }
        assert!(rest.is_empty());
        (heads, made.late)
    }
}

fn is_piece(head: &Head) -> bool {
    matches!(head, Head::Piece { .. })
}

#[test]
fn short_messages_are_sent_between_the_pieces_of_a_long_one() {
    let mut sent = Sent::new();
    assert_eq!(sent.push(4 << 20, "long"), None);
    assert_eq!(sent.push(10, "short"), None);
    let (heads, _) = sent.fill();
    assert!(!is_piece(&heads[0]) && heads[1..].iter().all(is_piece), "{heads:?}");
    assert_eq!(sent.push(10, "short"), None);
    let (heads, _) = sent.fill();
    assert!(!is_piece(&heads[0]) && heads[1..].iter().all(is_piece), "{heads:?}");
    let rest: usize = std::iter::from_fn(|| Some(sent.fill().0.len()).filter(|count| *count > 0)).sum();
    assert!(rest > 0);
    assert_eq!((sent.outbox.short_load, sent.outbox.long_load), Default::default());
}

#[test]
fn short_messages_without_end_do_not_stop_a_long_one() {
    let mut sent = Sent::new();
    assert_eq!(sent.push(2 * PIECE_BYTES_MAX, "long"), None);
    (0..100).for_each(|_| assert_eq!(sent.push(PIECE_BYTES_MAX, "short"), None));
    let (heads, _) = sent.fill();
    assert_eq!(heads.iter().filter(|head| is_piece(head)).count(), 2, "{heads:?}");
}

#[test]
fn a_full_queue_refuses_and_an_empty_one_takes_any_message() {
    let mut sent = Sent::new();
    assert_eq!(sent.push(LINK_QUEUE_BYTES_MAX + 1, "alone"), None);
    assert_eq!(sent.push(1 << 20, "more"), Some(NotSent::QueueFull));
    assert_eq!(sent.push(1, "short"), None, "a long message keeps no short one out");
    assert_eq!(sent.push(MESSAGE_BYTES_MAX + 1, "too long"), Some(NotSent::TooLong));
    while !sent.fill().0.is_empty() {}
    (0..LINK_QUEUE_MESSAGES_MAX).for_each(|_| assert_eq!(sent.push(1, "x"), None));
    assert_eq!(sent.push(1, "more"), Some(NotSent::QueueFull));
    // Answers are bounded by what is served.
    sent.outbox.push_always(Outgoing::Answer { id: 1, answer: Ok(Bytes::new()) });
    assert!(sent.outbox.answer_bytes() > 0);
}

#[test]
fn a_request_that_is_late_is_not_sent() {
    let mut sent = Sent::new();
    assert_eq!((sent.push(10, "short"), sent.push(1 << 20, "long")), (None, None));
    sent.now += Duration::from_secs(2);
    assert_eq!(sent.fill(), (Vec::new(), vec!["short", "long"]));
    assert_eq!((sent.push(10, "a"), sent.push(1 << 20, "b"), sent.push(10, "c")), (None, None, None));
    assert_eq!(sent.outbox.expired(sent.now), Vec::<&str>::new());
    assert_eq!(sent.outbox.expired(sent.now + Duration::from_secs(1)), ["a", "c", "b"]);
    assert_eq!((sent.outbox.short_load, sent.outbox.long_load), Default::default());
}

#[test]
fn a_queue_that_closes_gives_back_what_was_not_sent() {
    let mut sent = Sent::new();
    sent.push(1 << 20, "under way");
    sent.fill();
    sent.push(10, "a");
    sent.push(1 << 20, "b");
    assert_eq!(sent.outbox.close(NotSent::NoLink), ["a", "b"]);
    assert_eq!(sent.push(1, "c"), Some(NotSent::NoLink));
    assert_eq!(sent.pending.into_askers().collect::<Vec<_>>(), ["under way"]);
}

#[test]
fn an_answer_is_made_with_its_last_piece() {
    let mut sent = Sent::new();
    let answer = Ok(vec![0; LINK_WRITE_BYTES + 1].into());
    sent.outbox.push_always(Outgoing::Answer { id: 7, answer });
    let mut bytes = Vec::new();
    assert_eq!(sent.outbox.fill(sent.now, 1, &mut sent.pending, &mut bytes).answers, 0);
    bytes.clear();
    assert_eq!(sent.outbox.fill(sent.now, 1, &mut sent.pending, &mut bytes).answers, 1);
}
