use super::*;

const A: NodeId = NodeId([1; 32]);
const B: NodeId = NodeId([2; 32]);
const C: NodeId = NodeId([3; 32]);
const SECOND: Duration = Duration::from_secs(1);

fn now() -> Instant {
    crate::clock::monotonic_now()
}

fn roster(own: NodeId) -> Roster {
    Roster::new(own, BTreeSet::new())
}

fn dial(addr: &str, expects: Option<NodeId>, link: Link) -> Dial {
    Dial { addr: addr.to_owned(), expects, link }
}

fn up(serial: u64, dialer: NodeId) -> Up {
    Up { serial, dialer, boot: 1 }
}

#[test]
fn a_peer_gets_its_request_link_first_and_its_bulk_link_from_the_same_side() {
    let (mut roster, now) = (roster(A), now());
    assert!(roster.learn(now, "b:1", Some(B)));
    assert!(!roster.learn(now, "b:1", Some(B)));
    roster.pin("b:1", B);
    let request = dial("b:1", Some(B), Link::Request);
    assert_eq!(roster.due(now), std::slice::from_ref(&request));
    assert_eq!(roster.due(now), [], "it is under way");
    assert!(roster.found(&request, B));
    assert_eq!(roster.link_up(B, Link::Request, up(1, A)), Ok(None));
    roster.dialed(&request);
    assert_eq!(roster.due(now), [dial("b:1", Some(B), Link::Bulk)]);

    let mut other = self::roster(B);
    other.learn(now, "a:1", Some(A));
    assert_eq!(other.link_up(A, Link::Request, up(1, A)), Ok(None));
    assert_eq!(other.due(now), [], "the side that connected makes the other link");
}

#[test]
fn failures_are_retried_later_and_later_and_named_once() {
    let (mut roster, start) = (roster(A), now());
    roster.learn(start, "b:1", None);
    let mut now = start;
    let mut pauses_ms = Vec::new();
    for attempt in 0..8 {
        let due = roster.due(now);
        assert_eq!(due, [dial("b:1", None, Link::Request)]);
        assert_eq!(roster.failed(now, &due[0], "refused".to_owned(), 0), attempt == 0);
        let failed = now;
        while roster.due(now).is_empty() {
            now += Duration::from_millis(100);
        }
        pauses_ms.push(now.duration_since(failed).as_millis());
        roster.failed(now, &due[0], "refused".to_owned(), 0);
        roster.targets.get_mut("b:1").unwrap().attempts[0] =
            Attempt { is_under_way: false, failures: attempt + 1, due: now };
    }
    assert_eq!(pauses_ms, [200, 400, 800, 1600, 2000, 2000, 2000, 2000]);
    assert!((200..300).contains(&pause(0, u32::MAX).as_millis()));
    assert_eq!(pause(u32::MAX, 0).as_millis(), 2000);
}

#[test]
fn of_two_links_made_at_once_both_sides_keep_that_of_the_smaller_id() {
    for first_is_of_a in [true, false] {
        for own in [A, B] {
            let mut roster = roster(own);
            let peer = if own == A { B } else { A };
            let (first, second) = if first_is_of_a { (A, B) } else { (B, A) };
            assert_eq!(roster.link_up(peer, Link::Request, up(1, first)), Ok(None));
            let outcome = roster.link_up(peer, Link::Request, up(2, second));
            let expected = if first_is_of_a { Err(Goodbye::Linked) } else { Ok(Some(1)) };
            assert_eq!(outcome, expected, "own {own}, first of A: {first_is_of_a}");
        }
    }
}

#[test]
fn a_newer_run_replaces_what_is_left_of_an_older_one() {
    let mut roster = roster(A);
    assert_eq!(roster.link_up(B, Link::Request, up(1, A)), Ok(None));
    let restarted = Up { serial: 2, dialer: B, boot: 2 };
    assert_eq!(roster.link_up(B, Link::Request, restarted), Ok(Some(1)));
    assert_eq!(roster.link_up(B, Link::Request, up(3, A)), Err(Goodbye::Linked), "the older run is over");
    assert!(!roster.link_down(now(), B, Link::Request, 1), "that one was replaced");
    assert!(roster.link_down(now(), B, Link::Request, 2));
}

#[test]
fn who_connects_again_knows_that_its_earlier_link_is_over() {
    let mut roster = roster(A);
    assert_eq!(roster.link_up(B, Link::Bulk, up(1, B)), Ok(None));
    assert_eq!(roster.link_up(B, Link::Bulk, up(2, B)), Ok(Some(1)));
}

#[test]
fn after_a_loss_the_smaller_id_connects_first() {
    let start = now();
    for (own, peer, is_at_once) in [(A, B, true), (B, A, false)] {
        let mut roster = roster(own);
        roster.learn(start, "x:1", Some(peer));
        roster.link_up(peer, Link::Request, up(1, own)).unwrap();
        roster.link_down(start, peer, Link::Request, 1);
        assert_eq!(roster.due(start).len(), usize::from(is_at_once));
        assert_eq!(roster.due(start + SECOND).len(), usize::from(!is_at_once));
    }
}

#[test]
fn two_addresses_of_one_peer_are_not_both_used() {
    let (mut roster, now) = (roster(A), now());
    roster.learn(now, "b:1", Some(B));
    roster.learn(now, "b:2", Some(B));
    assert_eq!(roster.due(now).len(), 1);
    roster.learn(now, "nobody-knows:1", None);
    let unknown = dial("nobody-knows:1", None, Link::Request);
    assert_eq!(roster.due(now), std::slice::from_ref(&unknown));
    roster.link_up(B, Link::Request, up(1, A)).unwrap();
    assert!(!roster.found(&unknown, B), "there is a link already");
    roster.dialed(&unknown);
    assert!(roster.due(now).iter().all(|dial| dial.link == Link::Bulk));
}

#[test]
fn the_own_address_is_left_alone_once_it_is_known_for_one() {
    let (mut roster, now) = (roster(A), now());
    assert!(!roster.learn(now, "a:1", Some(A)));
    roster.learn(now, "a:1", None);
    let own = roster.due(now).remove(0);
    assert!(!roster.found(&own, A));
    roster.dialed(&own);
    assert_eq!(roster.due(now + 60 * SECOND), []);
    assert_eq!(roster.addrs(), []);
}

#[test]
fn an_address_at_which_somebody_else_answers_is_tried_again() {
    let (mut roster, now) = (roster(A), now());
    roster.learn(now, "x:1", None);
    let dial = roster.due(now).remove(0);
    assert!(roster.found(&dial, B));
    assert_eq!(roster.addrs(), [(B, "x:1".to_owned())]);
    roster.failed(now, &dial, "gone".to_owned(), 0);
    let again = roster.due(now + SECOND).remove(0);
    assert!(roster.found(&again, C));
    assert_eq!(roster.addrs(), [(C, "x:1".to_owned())]);
}

#[test]
fn a_removed_node_is_cut_off_until_it_is_taken_in_again() {
    let (mut roster, now) = (roster(A), now());
    roster.learn(now, "b:1", Some(B));
    roster.link_up(B, Link::Request, up(1, B)).unwrap();
    roster.link_up(B, Link::Bulk, up(2, B)).unwrap();
    assert_eq!(roster.remove(B), [1, 2]);
    assert_eq!(roster.due(now), []);
    assert_eq!(roster.link_up(B, Link::Request, up(3, B)), Err(Goodbye::Removed));
    assert_eq!(roster.states(), BTreeMap::new());
    assert_eq!(roster.removed().len(), 1);
    assert!(roster.link_down(now, B, Link::Request, 1) && roster.link_down(now, B, Link::Bulk, 2));
    roster.take_in(B);
    assert_eq!(roster.link_up(B, Link::Request, up(4, B)), Ok(None));
}

#[test]
fn addresses_are_bounded_in_length_and_number() {
    let (mut roster, now) = (roster(A), now());
    assert!(!roster.learn(now, &"x".repeat(PEER_ADDR_BYTES_MAX + 1), None));
    (0..PEER_ADDRS_MAX).for_each(|number| assert!(roster.learn(now, &format!("x:{number}"), None)));
    assert!(!roster.learn(now, "one:more", None));
}
