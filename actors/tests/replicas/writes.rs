use crate::world::with_cluster;
use troupe_actors::causality::Context;
use troupe_actors::replication::coordinator::CoordinateError;

#[test]
fn what_one_node_acknowledged_is_read_by_every_other_at_once() {
    with_cluster(async |cluster| {
        for at in 0..4 {
            let key = format!("key{at}");
            cluster.write(at, &key, Context::empty(), "value").await.expect("nothing fails here");
            for reader in 0..4 {
                assert_eq!(
                    cluster.values(reader, &key).await.expect("nothing fails here"),
                    ["value"],
                    "{at} {reader}"
                );
            }
        }
    });
}

#[test]
fn a_write_and_its_read_do_not_miss_a_replica_that_is_away() {
    with_cluster(async |cluster| {
        cluster.write(0, "key", Context::empty(), "first").await.expect("nothing fails here");
        cluster.sever(1);
        let context = cluster.item(3, "key").await.expect("nothing fails here").token_context();
        cluster.write(3, "key", context, "second").await.expect("nothing fails here");
        for reader in [0, 2, 3] {
            assert_eq!(cluster.values(reader, "key").await.expect("nothing fails here"), ["second"]);
        }
        cluster.heal(1);
        assert_eq!(cluster.values(1, "key").await.expect("nothing fails here"), ["second"]);
    });
}

#[test]
fn a_cut_off_node_does_not_acknowledge_and_says_what_may_have_happened() {
    with_cluster(async |cluster| {
        cluster.sever(3);
        let outcome = cluster.write(3, "key", Context::empty(), "value").await;
        assert_eq!(outcome, Err(CoordinateError::NoReplica));
        cluster.sever(2);
        let outcome = cluster.write(2, "key", Context::empty(), "value").await;
        assert!(outcome.is_err_and(|error| !error.is_certainly_not_stored()), "it is stored there");
    });
}

#[test]
fn a_coordinator_that_falls_silent_leaves_an_unknown_outcome() {
    with_cluster(async |cluster| {
        let nodes = &cluster.nodes;
        let coordinate = cluster.write(3, "key", Context::empty(), "value");
        // Whichever replica is asked, its answer is lost with the link.
        for replica in &nodes[..3] {
            cluster.network.lose(replica.id, nodes[3].id);
        }
        let sever = async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            cluster.sever(3);
        };
        let (outcome, ()) = tokio::join!(coordinate, sever);
        assert_eq!(outcome, Err(CoordinateError::Unknown));
        cluster.heal(3);
        assert_eq!(
            cluster.values(3, "key").await.expect("nothing fails here"),
            ["value"],
            "once, not once for each replica"
        );
    });
}
