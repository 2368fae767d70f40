use crate::world::{Cluster, PATIENCE, partition, with_cluster};
use std::time::Duration;
use troupe_actors::causality::{Context, SeenMarker};
use troupe_actors::ids::{ItemKey, SortKey};
use troupe_actors::replication::watch::Rung;
use troupe_actors::shard::Watched;
use troupe_actors::store::range::KeyRange;

fn item(sort_key: &str) -> Watched {
    Watched::Item(ItemKey {
        partition: partition("pk").hash,
        sort_key: SortKey::new(sort_key).expect("nothing fails here"),
    })
}

#[test]
fn a_poller_at_any_node_is_woken_by_a_write_through_any_other() {
    with_cluster(async |cluster| {
        for (waiter, writer) in [(0, 1), (1, 2), (3, 0), (3, 3)] {
            let watch = cluster.nodes[waiter]
                .replicas
                .watch(&cluster.layout, item("key"))
                .await
                .expect("nothing fails here");
            cluster.write(writer, "key", Context::empty(), "v").await.expect("nothing fails here");
            let rung = tokio::time::timeout(PATIENCE, watch.rung()).await;
            assert_eq!(rung, Ok(Rung::Signalled), "{waiter} {writer}");
        }
    });
}

#[test]
fn a_poller_hears_of_a_replica_that_is_lost() {
    with_cluster(async |cluster| {
        let watch =
            cluster.nodes[3].replicas.watch(&cluster.layout, item("key")).await.expect("nothing fails here");
        cluster.sever(3);
        assert_eq!(tokio::time::timeout(PATIENCE, watch.rung()).await, Ok(Rung::Lost));
        assert!(cluster.nodes[3].replicas.watch(&cluster.layout, item("key")).await.is_err());
        cluster.heal(3);
        let watch =
            cluster.nodes[3].replicas.watch(&cluster.layout, item("key")).await.expect("nothing fails here");
        cluster.write(0, "key", Context::empty(), "v").await.expect("nothing fails here");
        assert_eq!(tokio::time::timeout(PATIENCE, watch.rung()).await, Ok(Rung::Signalled));
    });
}

#[test]
fn a_poller_that_hangs_up_frees_its_places_at_the_replicas() {
    with_cluster(async |cluster| {
        let count = || cluster.nodes.iter().map(|node| node.shards.poller_count()).sum::<usize>();
        let watch =
            cluster.nodes[3].replicas.watch(&cluster.layout, item("key")).await.expect("nothing fails here");
        let shared =
            cluster.nodes[3].replicas.watch(&cluster.layout, item("key")).await.expect("nothing fails here");
        assert_eq!(count(), 2, "both share one place at each of two replicas");
        drop(watch);
        drop(shared);
        while count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

/// Everything that changed since a marker, and the next one.
async fn changes(cluster: &Cluster, at: usize, seen: &SeenMarker) -> (Vec<String>, SeenMarker) {
    let replicas = &cluster.nodes[at].replicas;
    let (partition, range) = (partition("pk"), KeyRange::all());
    let changes = replicas.changes(cluster.layout.clone(), &partition, range, seen.clone()).await;
    let mut changes = changes.expect("nothing fails here");
    let mut keys = Vec::new();
    loop {
        let page = changes.next_page().await.expect("nothing fails here");
        keys.extend(page.items.into_iter().map(|(key, _)| key.into_owned()));
        if page.is_last {
            return (keys, changes.marker);
        }
    }
}

#[test]
fn a_poll_of_a_range_shows_each_change_once_through_every_node() {
    with_cluster(async |cluster| {
        let (shown, mut marker) = changes(&cluster, 0, &SeenMarker::default()).await;
        assert!(shown.is_empty());
        for number in 0..12 {
            let key = format!("key{number:02}");
            cluster.write(number % 4, &key, Context::empty(), "v").await.expect("nothing fails here");
            let reader = (number + 1) % 4;
            let (shown, next) = changes(&cluster, reader, &marker).await;
            assert_eq!(shown, [key], "through {reader}");
            marker = next;
            for reader in 0..4 {
                let (shown, _) = changes(&cluster, reader, &marker).await;
                assert!(shown.is_empty(), "{shown:?} through {reader}");
            }
        }
    });
}

#[test]
fn a_change_is_not_missed_while_a_replica_is_away() {
    with_cluster(async |cluster| {
        cluster.write(0, "a", Context::empty(), "v").await.expect("nothing fails here");
        let (_, marker) = changes(&cluster, 0, &SeenMarker::default()).await;
        cluster.sever(0);
        cluster.write(1, "b", Context::empty(), "v").await.expect("nothing fails here");
        let (shown, marker) = changes(&cluster, 1, &marker).await;
        assert_eq!(shown, ["b"]);
        cluster.heal(0);
        cluster.sever(1);
        let (shown, marker) = changes(&cluster, 0, &marker).await;
        assert!(shown.is_empty(), "{shown:?}");
        cluster.heal(1);
        cluster.write(2, "c", Context::empty(), "v").await.expect("nothing fails here");
        assert_eq!(changes(&cluster, 3, &marker).await.0, ["c"]);
    });
}

/// A replica takes in a write between its answer what changed there and its page: it shows what a quorum does, in a row that
/// had not changed when it was asked.
#[test]
fn a_change_that_a_replica_takes_in_during_the_poll_is_shown() {
    with_cluster(async |cluster| {
        cluster.write(0, "a", Context::empty(), "v").await.expect("nothing fails here");
        let (_, marker) = changes(&cluster, 0, &SeenMarker::default()).await;
        cluster.write_only_at(1, "b", Context::empty(), "v").await;
        let replicas = &cluster.nodes[0].replicas;
        let (layout, range) = (cluster.layout.clone(), KeyRange::all());
        let changes = replicas.changes(layout, &partition("pk"), range, marker).await;
        let mut changes = changes.expect("nothing fails here");
        // The other replicas are repaired by reads.
        while [0, 1, 2].iter().any(|at| cluster.held(*at, "b") != ["v"]) {
            cluster.item(0, "b").await.expect("nothing fails here");
            cluster.sever(0);
            cluster.item(3, "b").await.expect("nothing fails here");
            cluster.heal(0);
        }
        let page = changes.next_page().await.expect("nothing fails here");
        let shown: Vec<_> = page.items.into_iter().map(|(key, _)| key).collect();
        assert_eq!(shown, ["b"]);
    });
}
