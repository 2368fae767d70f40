use crate::world::with_cluster;
use troupe_actors::causality::{Context, Value};
use troupe_actors::store::range::KeyRange;

#[test]
fn a_read_repairs_a_replica_that_was_behind_before_it_answers() {
    with_cluster(async |cluster| {
        cluster.write(0, "key", Context::empty(), "old").await.expect("nothing fails here");
        let context = cluster.item(0, "key").await.expect("nothing fails here").token_context();
        // Only the third replica has it: it was not acknowledged.
        cluster.write_only_at(2, "key", context, "new").await;
        assert_eq!(cluster.values(2, "key").await.expect("nothing fails here"), ["new"]);
        let holders = (0..3).filter(|at| cluster.held(*at, "key") == ["new"]).count();
        assert!(holders >= 2, "whoever reads from now on sees it");
        cluster.sever(2);
        assert_eq!(cluster.values(0, "key").await.expect("nothing fails here"), ["new"]);
    });
}

#[test]
fn a_read_needs_a_majority() {
    with_cluster(async |cluster| {
        cluster.write(0, "key", Context::empty(), "value").await.expect("nothing fails here");
        cluster.sever(1);
        assert_eq!(cluster.values(0, "key").await.expect("nothing fails here"), ["value"]);
        assert!(cluster.values(1, "key").await.is_err());
        cluster.sever(2);
        assert!(cluster.values(0, "key").await.is_err());
        cluster.heal(2);
        assert_eq!(cluster.values(2, "key").await.expect("nothing fails here"), ["value"]);
    });
}

#[test]
fn a_slow_replica_is_not_waited_for() {
    with_cluster(async |cluster| {
        cluster.write(0, "key", Context::empty(), "value").await.expect("nothing fails here");
        let nodes = &cluster.nodes;
        for at in [0, 2] {
            cluster.network.lose(nodes[1].id, nodes[at].id);
        }
        let read = tokio::time::timeout(std::time::Duration::from_secs(2), cluster.values(0, "key")).await;
        assert_eq!(read.expect("another one is asked in its place").expect("nothing fails here"), ["value"]);
    });
}

#[test]
fn ranges_show_what_the_replicas_hold_together_through_every_node() {
    with_cluster(async |cluster| {
        for number in 0..10 {
            cluster
                .write(number % 4, &format!("key{number}"), Context::empty(), "v")
                .await
                .expect("nothing fails here");
        }
        let context = cluster.item(0, "key3").await.expect("nothing fails here").token_context();
        cluster.write_to(1, "pk", "key3", context, Value::Tombstone).await.expect("nothing fails here");
        cluster.write_only_at(0, "only0", Context::empty(), "0").await;
        cluster.write_only_at(1, "only1", Context::empty(), "1").await;
        cluster.write_only_at(1, "key5", Context::empty(), "w").await;
        cluster.sever(2);
        let mut expected: Vec<(String, Vec<String>)> = (0..10)
            .filter(|number| *number != 3)
            .map(|number| (format!("key{number}"), vec!["v".to_owned()]))
            .collect();
        expected[4].1.push("w".to_owned());
        expected
            .extend([("only0".to_owned(), vec!["0".to_owned()]), ("only1".to_owned(), vec!["1".to_owned()])]);
        for reader in [0, 1] {
            assert_eq!(cluster.range(reader, KeyRange::all()).await.expect("nothing fails here"), expected);
        }
        expected.reverse();
        let descending = KeyRange { descending: true, ..KeyRange::all() };
        assert_eq!(cluster.range(1, descending).await.expect("nothing fails here"), expected);
    });
}
