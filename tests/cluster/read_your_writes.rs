//! What one node acknowledged, every other node shows.

use crate::cluster::Cluster;
use crate::harness::rounds;

fn writes_at_one_node_and_reads_at_the_others(cluster: &Cluster, nodes: &[usize], writes: usize, name: &str) {
    let clients: Vec<_> = nodes.iter().map(|&at| cluster.client(at)).collect();
    for round in 0..writes {
        let writer = &clients[round % clients.len()];
        let reader = &clients[(round + 1) % clients.len()];
        let (pk, sk, value) =
            (format!("{name}-{}", round % 50), format!("{}", round / 50), round.to_string());
        writer.put(&pk, &sk, None, &value).expect(204);
        let item = reader.read(&pk, &sk);
        assert!(item.holds(&[Some(&value)]), "write {round} is not read: {item:?}");
        if round % 50 == 49 {
            let index = reader.index(&[("prefix", &format!("{name}-"))]).expect(200).json();
            let rows = index["partitionKeys"].as_array().unwrap();
            assert_eq!(rows.len(), 50, "{index}");
            let entries = round as u64 / 50 + 1;
            assert!(rows.iter().all(|row| row["entries"] == entries), "{entries} entries each: {index}");
        }
    }
}

#[test]
fn a_write_that_one_node_acknowledged_is_read_by_every_other_one() {
    let mut cluster = Cluster::start(3);
    let writes = rounds("CLUSTER_WRITES", 3_000);
    writes_at_one_node_and_reads_at_the_others(&cluster, &[0, 1, 2], writes, "whole");
    cluster.kill(1);
    writes_at_one_node_and_reads_at_the_others(&cluster, &[0, 2], writes / 3, "without-one");
    cluster.start_node(1);
    cluster.wait_until_served(1);
    writes_at_one_node_and_reads_at_the_others(&cluster, &[1, 0, 2], writes / 3, "again");
}
