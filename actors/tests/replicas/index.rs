use crate::world::with_cluster;
use troupe_actors::causality::{Context, Value};

#[test]
fn the_index_shows_every_acknowledged_write_through_every_node() {
    with_cluster(async |cluster| {
        for number in 0..20 {
            let value = Value::Bytes(vec![b'v'; number].into());
            let partition = format!("pk{number:02}");
            cluster
                .write_to(number % 4, &partition, "key", Context::empty(), value)
                .await
                .expect("nothing fails here");
            for reader in 0..4 {
                let listed = cluster.index(reader).await.expect("nothing fails here");
                assert_eq!(listed.len(), number + 1, "through {reader}");
                let (key, counters) = &listed[number];
                assert_eq!((key, counters.entries, counters.bytes), (&partition, 1, number as u64));
            }
        }
    });
}

#[test]
fn partitions_on_which_replicas_differ_are_counted_over_what_they_hold_together() {
    with_cluster(async |cluster| {
        cluster.write(0, "a", Context::empty(), "one").await.expect("nothing fails here");
        let context = cluster.item(0, "a").await.expect("nothing fails here").token_context();
        cluster.write_only_at(0, "a", context.clone(), "newer").await;
        cluster.write_only_at(1, "a", context, "newer").await;
        cluster.write_only_at(1, "b", Context::empty(), "xyz").await;
        cluster.sever(2);
        for reader in [0, 1] {
            let listed = cluster.index(reader).await.expect("nothing fails here");
            let [(_, counters)] = &listed[..] else { panic!("{listed:?}") };
            // Two dots with one value, and an item that one replica has.
            assert_eq!(
                (counters.entries, counters.conflicts, counters.values, counters.bytes),
                (2, 0, 2, 8),
                "through {reader}"
            );
        }
    });
}

#[test]
fn an_index_without_a_majority_is_not_shown() {
    with_cluster(async |cluster| {
        cluster.write(0, "key", Context::empty(), "v").await.expect("nothing fails here");
        cluster.sever(1);
        assert_eq!(cluster.index(0).await.expect("nothing fails here").len(), 1);
        assert!(cluster.index(1).await.is_err());
    });
}
