use super::*;
use proptest::prelude::*;

const OWN: NodeId = NodeId([1; 32]);
const PEER: NodeId = NodeId([2; 32]);
const SESSION: [u8; 32] = [3; 32];
const CLUSTER: ClusterId = ClusterId([4; 32]);

fn secret() -> ClusterSecret {
    ClusterSecret::new([9; 32])
}

fn hello() -> Hello {
    Hello {
        version_oldest: 1,
        version_newest: 1,
        proof: secret().prove(Side::Dialer, &SESSION),
        cluster: Some(CLUSTER),
        boot: 1,
        link: Link::Request,
        public_addr: None,
        environments: Vec::new(),
    }
}

fn check(change: impl FnOnce(&mut Hello), expected: Result<u8, Goodbye>) {
    let mut hello = hello();
    change(&mut hello);
    let secret = secret();
    let gate = Gate { own: OWN, secret: &secret, cluster: Some(CLUSTER), session: SESSION };
    assert_eq!(gate.admit(PEER, Side::Dialer, &hello), expected, "{hello:?}");
}

#[test]
fn a_node_that_knows_the_secret_is_admitted_to_its_own_cluster() {
    check(|_| (), Ok(1));
    check(|hello| hello.cluster = None, Ok(1));
    check(|hello| hello.cluster = Some(ClusterId([5; 32])), Err(Goodbye::OtherCluster));
}

#[test]
fn a_proof_is_good_for_one_session_one_side_and_one_secret() {
    check(|hello| hello.proof[0] ^= 1, Err(Goodbye::WrongSecret));
    check(|hello| hello.proof = secret().prove(Side::Listener, &SESSION), Err(Goodbye::WrongSecret));
    check(|hello| hello.proof = secret().prove(Side::Dialer, &[0; 32]), Err(Goodbye::WrongSecret));
    let other = ClusterSecret::new([8; 32]);
    check(|hello| hello.proof = other.prove(Side::Dialer, &SESSION), Err(Goodbye::WrongSecret));
}

#[test]
fn a_hello_that_holds_too_much_is_turned_away() {
    let environment = Environment { id: 1, sequence: 1 };
    check(|hello| hello.environments = vec![environment; PEER_ENVIRONMENTS_MAX], Ok(1));
    check(|hello| hello.environments = vec![environment; PEER_ENVIRONMENTS_MAX + 1], Err(Goodbye::Malformed));
    check(|hello| hello.public_addr = Some("x".repeat(PEER_ADDR_BYTES_MAX + 1)), Err(Goodbye::Malformed));
}

#[test]
fn a_node_does_not_speak_to_itself() {
    let secret = secret();
    let gate = Gate { own: OWN, secret: &secret, cluster: None, session: SESSION };
    assert_eq!(gate.admit(OWN, Side::Dialer, &hello()), Err(Goodbye::Oneself));
}

#[test]
fn a_version_and_the_one_before_it_understand_each_other() {
    assert_eq!(common_version(1..=2, 2..=3), Some(2));
    assert_eq!(common_version(2..=3, 1..=2), Some(2));
    assert_eq!(common_version(2..=3, 2..=3), Some(3));
    assert_eq!(common_version(1..=2, 3..=4), None);
    check(|hello| (hello.version_oldest, hello.version_newest) = (1, 2), Ok(1));
    check(|hello| (hello.version_oldest, hello.version_newest) = (2, 3), Err(Goodbye::OtherVersion));
}

proptest! {
    #[test]
    fn both_sides_choose_the_same_version(a: u8, b: u8, c: u8, d: u8) {
        let (one, other) = (a.min(b)..=a.max(b), c.min(d)..=c.max(d));
        prop_assert_eq!(common_version(one.clone(), other.clone()), common_version(other, one));
    }
}
