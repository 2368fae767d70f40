use crate::echo::{Echo, Heard};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use troupe_actors::ids::NodeId;
use troupe_actors::transport::memory::{MemoryNetwork, MemoryNode};
use troupe_actors::transport::{Carry, Link, NotSent, RequestError, Services, Subsystem, UnknownOutcome};

const A: NodeId = NodeId([1; 32]);
const B: NodeId = NodeId([2; 32]);
const DEADLINE: Duration = Duration::from_secs(5);

type Outcome = Result<Bytes, RequestError>;

fn start(network: &MemoryNetwork, id: NodeId) -> (Arc<MemoryNode>, Arc<Echo>, UnboundedReceiver<Heard>) {
    let node = network.node(id);
    let (echo, heard) = Echo::new();
    network.start(id, 1, Services::default().with(Subsystem::Merge, echo.clone()));
    (node, echo, heard)
}

fn ask(node: &MemoryNode, to: NodeId, body: &'static str) -> impl Future<Output = Outcome> + use<> {
    node.request(to, Link::Request, Subsystem::Merge, Bytes::from_static(body.as_bytes()), DEADLINE)
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_lost_on_either_way_ends_at_its_deadline() {
    let network = MemoryNetwork::new();
    let (a, _, _) = start(&network, A);
    let (_b, _, mut heard) = start(&network, B);
    for (from, to, is_heard) in [(A, B, false), (B, A, true)] {
        network.lose_next(from, to, 1);
        let before = tokio::time::Instant::now();
        assert_eq!(ask(&a, B, "lost").await, Err(UnknownOutcome::Deadline.into()));
        assert_eq!(before.elapsed().as_secs(), DEADLINE.as_secs());
        let asked =
            std::iter::from_fn(|| heard.try_recv().ok()).any(|heard| matches!(heard, Heard::Asked(..)));
        assert_eq!(asked, is_heard);
        assert_eq!(ask(&a, B, "next").await, Ok("next".into()));
        while heard.try_recv().is_ok() {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_silent_and_a_severed_link_is_noticed() {
    let network = MemoryNetwork::new();
    let (a, _, mut heard) = start(&network, A);
    let (_b, _, _) = start(&network, B);
    assert_eq!(heard.recv().await, Some(Heard::Link(B, true)));
    network.cut(A, B);
    assert_eq!(ask(&a, B, "x").await, Err(UnknownOutcome::Deadline.into()));
    network.heal(A, B);
    let waiting = ask(&a, B, "never");
    network.sever(A, B);
    assert_eq!(waiting.await, Err(UnknownOutcome::LinkLost.into()));
    assert_eq!(heard.recv().await, Some(Heard::Link(B, false)));
    assert_eq!(ask(&a, B, "x").await, Err(NotSent::NoLink.into()));
    network.heal(A, B);
    assert_eq!(heard.recv().await, Some(Heard::Link(B, true)));
    assert_eq!(ask(&a, B, "x").await, Ok("x".into()));
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_arrives_late() {
    let network = MemoryNetwork::new();
    let (a, _, _) = start(&network, A);
    let (_b, _, _) = start(&network, B);
    network.delay(A, B, Duration::from_secs(3));
    let before = tokio::time::Instant::now();
    assert_eq!(ask(&a, B, "x").await, Ok("x".into()));
    assert_eq!(before.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_takes_its_links_down_and_comes_back_with_new_ones() {
    let network = MemoryNetwork::new();
    let (a, _, mut heard) = start(&network, A);
    let (b, _, _) = start(&network, B);
    let waiting = ask(&a, B, "never");
    network.stop(B);
    assert_eq!(waiting.await, Err(UnknownOutcome::LinkLost.into()));
    assert_eq!(ask(&b, A, "x").await, Err(NotSent::Stopping.into()));
    let (_b, _, _) = start(&network, B);
    for is_up in [true, false, true] {
        assert_eq!(heard.recv().await, Some(Heard::Link(B, is_up)));
    }
    assert_eq!(ask(&a, B, "x").await, Ok("x".into()));
}
