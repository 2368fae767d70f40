use super::*;

fn node(id: u8) -> NodeId {
    NodeId([id; 32])
}

const ME: NodeId = NodeId([1; 32]);

fn view(sets: &[(u64, &[u8])]) -> ShardView {
    let set = |(version, nodes): &(u64, &[u8])| (*version, nodes.iter().map(|id| node(*id)).collect());
    ShardView { sets: sets.iter().map(set).collect() }
}

fn with(peer: u8, began: u64) -> Counterpart {
    Counterpart { peer: node(peer), is_whole: true, began }
}

fn check(held: Held, sets: &[(u64, &[u8])], expected: Held) {
    let mut standing = Standing::new(held);
    standing.laid_out(ME, &view(sets));
    assert_eq!(standing.held, expected, "{held:?} under {sets:?}");
}

#[test]
fn how_a_shard_is_held_follows_from_the_live_versions() {
    check(Held::Absent, &[(1, &[1, 2, 3])], Held::Live(1));
    check(Held::Absent, &[(1, &[2, 3])], Held::Absent);
    check(Held::Absent, &[(1, &[2, 3, 4]), (2, &[1, 2, 3])], Held::Receiving(2));
    check(Held::Live(1), &[(1, &[1, 2, 3]), (2, &[1, 2, 4])], Held::Live(2));
    check(Held::Live(1), &[(1, &[1, 2, 3]), (2, &[2, 3, 4])], Held::Live(1));
    check(Held::Live(1), &[(2, &[2, 3, 4])], Held::Dropping);
    check(Held::Live(1), &[(2, &[2, 3, 4]), (3, &[1, 2, 3])], Held::Receiving(3));
    check(Held::Receiving(2), &[(1, &[2, 3, 4]), (2, &[1, 2, 3]), (3, &[1, 2, 4])], Held::Receiving(2));
    check(Held::Receiving(2), &[(2, &[1, 2, 3]), (3, &[2, 3, 4]), (4, &[1, 2, 3])], Held::Receiving(4));
    check(Held::Absent, &[(1, &[1, 2, 3]), (2, &[2, 3, 4])], Held::Live(1));
    check(Held::Amnesiac(1), &[(1, &[1, 2, 3]), (2, &[1, 2, 4])], Held::Amnesiac(2));
    check(Held::Amnesiac(1), &[(2, &[1])], Held::Live(2));
    check(Held::Dropping, &[(3, &[1, 2, 3])], Held::Dropping);
}

#[test]
fn a_gained_shard_is_complete_once_compared_with_all_older_replicas() {
    let view = view(&[(1, &[2, 3, 4]), (2, &[1, 2, 3])]);
    let mut standing = Standing::new(Held::Absent);
    assert!(standing.laid_out(ME, &view));
    for peer in [2, 3, 4] {
        assert!(
            !standing.compared(with(peer, 5), ME, &view, None),
            "not everybody writes by the version yet"
        );
        assert!(!standing.compared(with(peer, 5), ME, &view, Some(6)), "it began before that");
    }
    assert!(!standing.compared(with(2, 6), ME, &view, Some(6)));
    assert!(!standing.compared(with(3, 6), ME, &view, Some(6)));
    assert!(!standing.compared(Counterpart { is_whole: false, ..with(4, 6) }, ME, &view, Some(6)));
    assert!(!standing.is_complete());
    assert!(standing.compared(with(4, 7), ME, &view, Some(6)));
    assert_eq!(standing.held, Held::Live(2));
    assert!(standing.is_complete());
}

#[test]
fn a_replica_that_lost_its_memory_asks_every_other_one() {
    let view = view(&[(1, &[1, 2, 3])]);
    let mut standing = Standing::new(Held::Live(1));
    standing.laid_out(ME, &view);
    assert!(standing.forget(ME, &view, 10));
    assert_eq!(standing.held, Held::Amnesiac(1));
    standing.compared(with(2, 9), ME, &view, Some(0));
    standing.compared(with(3, 10), ME, &view, Some(0));
    assert!(!standing.is_complete(), "the comparison with node 2 began before the loss was known");
    standing.compared(with(2, 11), ME, &view, Some(0));
    assert!(standing.is_complete());
}

#[test]
fn an_operator_may_end_the_wait() {
    let view = view(&[(1, &[1, 2, 3])]);
    let mut standing = Standing::new(Held::Live(1));
    standing.laid_out(ME, &view);
    standing.forget(ME, &view, 10);
    assert!(standing.stop_waiting());
    assert!(standing.is_complete());
}
