use super::*;
use proptest::prelude::*;

fn role(zone: &str, capacity_bytes: Option<u64>) -> NodeRole {
    NodeRole { zone: zone.to_owned(), capacity_bytes, tags: Vec::new() }
}

fn cluster(roles: impl IntoIterator<Item = NodeRole>) -> BTreeMap<NodeId, NodeRole> {
    let id = |number: u16| {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&number.to_be_bytes());
        NodeId(id)
    };
    (1..).map(id).zip(roles).collect()
}

fn compute(
    roles: &BTreeMap<NodeId, NodeRole>,
    zone_redundancy: ZoneRedundancy,
    factor: usize,
    before: &Assignment,
) -> Result<Assignment, AssignmentError> {
    Assignment::compute(roles, LayoutParameters { zone_redundancy }, factor, before)
}

/// The shards on each node, in the order of their ids; nodes without a shard included.
fn loads(roles: &BTreeMap<NodeId, NodeRole>, assignment: &Assignment) -> Vec<usize> {
    roles.keys().map(|node| assignment.shards_on(*node)).collect()
}

#[track_caller]
fn check(roles: &[NodeRole], zone_redundancy: ZoneRedundancy, factor: usize, expect: Result<&[usize], &str>) {
    let roles = cluster(roles.iter().cloned());
    let assignment = compute(&roles, zone_redundancy, factor, &Assignment::default());
    let found = assignment.map(|assignment| loads(&roles, &assignment)).map_err(|error| error.to_string());
    assert_eq!(found, expect.map(<[usize]>::to_vec).map_err(str::to_owned));
}

#[test]
fn a_single_storage_node_holds_every_shard_whatever_gateways_there_are() {
    let roles = [role("a", Some(1000)), role("b", None)];
    check(&roles[..1], ZoneRedundancy::Maximum, 1, Ok(&[1024]));
    check(&roles, ZoneRedundancy::AtLeast(1), 1, Ok(&[1024, 0]));
}

#[test]
fn shards_follow_capacity() {
    let roles = [role("a", Some(1000)), role("a", Some(3000)), role("a", Some(4000))];
    check(&roles, ZoneRedundancy::Maximum, 1, Ok(&[128, 384, 512]));
}

#[test]
fn three_zones_of_unequal_nodes_hold_a_replica_each() {
    let roles = [role("a", Some(1000)), role("b", Some(2000)), role("b", Some(1000)), role("c", Some(9000))];
    check(&roles, ZoneRedundancy::Maximum, 3, Ok(&[1024, 683, 341, 1024]));
}

#[test]
fn a_factor_above_the_number_of_storage_nodes_is_refused() {
    check(
        &[role("a", Some(1000)), role("a", None)],
        ZoneRedundancy::Maximum,
        3,
        Err(
            "the replication factor is 3, but 1 node(s) have a capacity: assign roles to more nodes, or lower \
             `replication_factor`",
        ),
    );
}

#[test]
fn more_zones_than_there_are_is_refused() {
    check(
        &[role("a", Some(1000))],
        ZoneRedundancy::AtLeast(2),
        1,
        Err("replicas are to lie in at least 2 zones, but 1 are possible: change the zone redundancy"),
    );
}

/// Removing one of four equal nodes moves what it held and nothing else; adding it again moves as much back.
#[test]
fn only_what_has_to_move_moves() {
    let four = cluster(["a", "b", "c", "d"].map(|zone| role(zone, Some(1000))));
    let mut three = four.clone();
    three.pop_last();
    let redundancy = ZoneRedundancy::AtLeast(3);
    let first = compute(&four, redundancy, 3, &Assignment::default()).unwrap();
    assert_eq!(loads(&four, &first), [768; 4]);
    let second = compute(&three, redundancy, 3, &first).unwrap();
    assert_eq!(second.moved_since(&first), 768);
    let third = compute(&four, redundancy, 3, &second).unwrap();
    assert_eq!((third.moved_since(&second), loads(&four, &third)), (768, vec![768; 4]));
    assert_eq!(compute(&four, redundancy, 3, &third).unwrap(), third);
}

#[derive(Debug, Clone)]
struct Case {
    roles: BTreeMap<NodeId, NodeRole>,
    changed: BTreeMap<NodeId, NodeRole>,
    zone_redundancy: ZoneRedundancy,
    factor: usize,
}

/// A cluster of up to `nodes_max` nodes, and the same after up to three changes of roles.
fn case(nodes_max: usize) -> impl Strategy<Value = Case> {
    let node =
        || (0..7_u8, 1_000..1_000_000_u64).prop_map(|(zone, bytes)| role(&zone.to_string(), Some(bytes)));
    let changes = prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(node())), 0..4);
    (prop::collection::vec(node(), 3..=nodes_max), changes, 1..=3_usize, 0..=3_u8).prop_map(
        |(nodes, changes, factor, zones)| {
            let roles = cluster(nodes);
            let mut changed = roles.clone();
            for (index, role) in changes {
                let node = *index.get(&roles.keys().copied().collect::<Vec<_>>());
                match role {
                    Some(role) => _ = changed.insert(node, role),
                    None if changed.len() > 3 => _ = changed.remove(&node),
                    None => {}
                }
            }
            let zone_redundancy =
                if zones == 0 { ZoneRedundancy::Maximum } else { ZoneRedundancy::AtLeast(zones) };
            Case { roles, changed, zone_redundancy, factor }
        },
    )
}

/// Every shard on different nodes and in enough zones, no node above its quota, and no larger shard would fit.
fn check_assignment(
    roles: &BTreeMap<NodeId, NodeRole>,
    case: &Case,
    assignment: &Assignment,
) -> Result<(), TestCaseError> {
    let zones: BTreeSet<&str> = roles.values().map(|role| role.zone.as_str()).collect();
    let wanted = match case.zone_redundancy {
        ZoneRedundancy::Maximum => zones.len().min(case.factor),
        ZoneRedundancy::AtLeast(wanted) => usize::from(wanted),
    };
    prop_assert_eq!(assignment.table.len(), SHARD_COUNT * case.factor);
    for replicas in assignment.table.chunks(case.factor) {
        let nodes: BTreeSet<_> = replicas.iter().map(|index| assignment.nodes[usize::from(*index)]).collect();
        let spread: BTreeSet<_> = nodes.iter().map(|node| roles[node].zone.as_str()).collect();
        prop_assert_eq!(nodes.len(), case.factor);
        prop_assert!(spread.len() >= wanted, "{} zones of {wanted}", spread.len());
    }
    // Bytes that each shard may have before the first node is full, in 1/1024 of a byte.
    let usable = roles
        .iter()
        .filter(|(node, _)| assignment.shards_on(**node) > 0)
        .map(|(node, role)| {
            u128::from(role.capacity_bytes.unwrap()) * 1024 / assignment.shards_on(*node) as u128
        })
        .min()
        .unwrap();
    let rooms = |size: u128| {
        let room = |role: &NodeRole| u128::from(role.capacity_bytes.unwrap()) * 1024 / size;
        roles.values().map(|role| room(role).min(1024) as u32).collect::<Vec<_>>()
    };
    prop_assert!(flows(roles, wanted, case.factor, &rooms(usable)), "the assignment itself is a flow");
    // One per mille more would not flow: the usable capacity is within that of the bound.
    prop_assert!(!flows(roles, wanted, case.factor, &rooms(usable + usable / 1000 + 1)));
    Ok(())
}

/// Whether a flow of all shards at once, told apart by nothing, fits into these rooms: the max-flow bound, by a network
/// of its own.
fn flows(roles: &BTreeMap<NodeId, NodeRole>, wanted: usize, factor: usize, rooms: &[u32]) -> bool {
    let shards = SHARD_COUNT as u32;
    let mut network = Network::default();
    let [source, plus, minus, sink] = std::array::from_fn(|_| network.vertex());
    network.arc(source, plus, shards * wanted as u32, 0);
    network.arc(source, minus, shards * (factor - wanted) as u32, 0);
    let mut zones: BTreeMap<&str, Vertex> = BTreeMap::new();
    for role in roles.values() {
        if !zones.contains_key(role.zone.as_str()) {
            let zone = network.vertex();
            network.arc(plus, zone, shards, 0);
            network.arc(minus, zone, shards * (factor - wanted) as u32, 0);
            zones.insert(&role.zone, zone);
        }
    }
    for (role, room) in roles.values().zip(rooms) {
        network.arc(zones[role.zone.as_str()], sink, *room, 0);
    }
    network.fill(source, sink) == SHARD_COUNT as u64 * factor as u64
}

/// Assigns one after the other, each from the one before, and checks both.
fn check_case(case: &Case) -> Result<(), TestCaseError> {
    let mut before = Assignment::default();
    for roles in [&case.roles, &case.changed] {
        let parameters = LayoutParameters { zone_redundancy: case.zone_redundancy };
        let Ok((nodes, mut placements)) = Assignment::placements(roles, parameters, case.factor, &before)
        else {
            return Ok(());
        };
        let table = placements.fill();
        prop_assert!(!placements.network.has_cheaper_flow(), "fewer replicas could have moved");
        before = Assignment { nodes, table };
        check_assignment(roles, case, &before)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_cluster_stores_as_much_and_moves_as_little_as_can_be(case in case(16)) {
        check_case(&case)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn so_does_a_cluster_of_up_to_a_hundred_nodes(case in case(100)) {
        check_case(&case)?;
    }
}
