use super::*;
use crate::limits::CONTROL_QUEUE_MAX;
use crate::store::CommitError;
use crate::store::lane::PersistError;

const NOW: WallMs = WallMs(1_000);

fn started() -> ControlCore {
    let mut core = ControlCore::load(NODE, 1, &[]).unwrap();
    core.step(NOW, START);
    core.step(NOW, Event::Persisted);
    core
}

fn ask(core: &mut ControlCore, request: u64, command: Command) -> Vec<String> {
    shown(core.step(NOW, Event::Command { request: RequestId(request), command }))
}

/// Effects in one word each, so that a test reads as a list. Reports of how the node stands are left out.
fn shown(effects: Vec<Effect>) -> Vec<String> {
    let one = |effect| match effect {
        Effect::Send { .. } => "send".to_owned(),
        Effect::Report(_) => unreachable!("left out below"),
        Effect::Persist { rows, .. } => format!("persist {}", rows.len()),
        Effect::Publish(snapshot) => format!("publish {}", snapshot.buckets().len()),
        Effect::Answer { request, result: Ok(()) } => format!("{}: ok", request.0),
        Effect::Answer { request, result: Err(error) } => format!("{}: {error}", request.0),
    };
    let effects = effects.into_iter().filter(|effect| !matches!(effect, Effect::Report(_)));
    effects.map(one).collect()
}

#[test]
fn the_first_start_persists_the_clusters_secret_before_anything_is_published() {
    let mut core = ControlCore::load(NODE, 1, &[]).unwrap();
    assert_eq!(shown(core.step(NOW, START)), ["persist 1"]);
    assert_eq!(shown(core.step(NOW, Event::Persisted)), ["publish 0"]);
}

#[test]
fn a_change_is_seen_and_answered_only_once_it_is_durable() {
    let mut core = started();
    assert_eq!(ask(&mut core, 1, create_bucket(BUCKET, "photos")), ["persist 2"]);
    assert_eq!(shown(core.step(NOW, Event::Persisted)), ["publish 1", "1: ok"]);
}

#[test]
fn a_change_that_did_not_reach_the_disk_never_happened() {
    let mut core = started();
    ask(&mut core, 1, create_bucket(BUCKET, "photos"));
    assert_eq!(
        shown(core.step(NOW, Event::PersistFailed(PersistError::Full(CommitError::DiskFull)))),
        ["1: the change was not made: the disk is full: free space on it, or delete items"]
    );
    assert_eq!(ask(&mut core, 2, create_bucket(BUCKET, "photos")), ["persist 2"]);
    assert_eq!(shown(core.step(NOW, Event::Persisted)), ["publish 1", "2: ok"]);
}

#[test]
fn changes_wait_for_each_other_and_see_what_the_one_before_did() {
    let mut core = started();
    assert_eq!(ask(&mut core, 1, create_bucket(BUCKET, "photos")), ["persist 2"]);
    assert_eq!(ask(&mut core, 2, create_bucket(BucketId([1; 32]), "photos")), [""; 0]);
    assert_eq!(ask(&mut core, 3, create_key(KEY, "app")), [""; 0]);
    assert_eq!(
        shown(core.step(NOW, Event::Persisted)),
        ["publish 1", "1: ok", "2: the name `photos` is already taken by another bucket", "persist 1"]
    );
    assert_eq!(shown(core.step(NOW, Event::Persisted)), ["publish 1", "3: ok"]);
}

#[test]
fn a_change_that_changes_nothing_needs_no_disk() {
    let mut core = started();
    ask(&mut core, 1, create_bucket(BUCKET, "photos"));
    core.step(NOW, Event::Persisted);
    let again = Command::AddGlobalAlias { id: BUCKET, alias: alias("photos") };
    assert_eq!(ask(&mut core, 2, again), ["2: ok"]);
}

#[test]
fn the_queue_is_bounded() {
    let mut core = started();
    ask(&mut core, 0, create_bucket(BUCKET, "photos"));
    for request in 1..=CONTROL_QUEUE_MAX as u64 {
        assert_eq!(ask(&mut core, request, create_key(KEY, "app")), [""; 0]);
    }
    assert_eq!(
        ask(&mut core, 999, create_key(KEY, "app")),
        [format!("999: {CONTROL_QUEUE_MAX} changes are already waiting: try again")]
    );
}

/// What is taken away must not need room: a full store is no reason to leave a key its permission.
#[test]
fn what_is_taken_away_does_not_grow_and_what_is_given_does() {
    let mut core = started();
    let mut grows = |command: Command| {
        let effects = core.step(NOW, Event::Command { request: RequestId(1), command });
        let [Effect::Persist { grows, .. }, ..] = effects.as_slice() else { panic!("{effects:?}") };
        core.step(NOW, Event::Persisted);
        *grows
    };
    let permissions = Permissions { read: true, write: true, owner: false };
    assert!(grows(create_bucket(BUCKET, "photos")));
    assert!(grows(create_key(KEY, "app")));
    assert!(grows(Command::Allow { key: KEY, id: BUCKET, permissions }));
    assert!(!grows(Command::Deny { key: KEY, id: BUCKET, permissions }));
    assert!(!grows(Command::DeleteKey { id: KEY }));
}

/// Each of them used to begin an exchange, whose rows began more: two nodes that differed for a while drowned in messages.
#[test]
fn rows_of_a_peer_begin_one_exchange_a_tick_however_many_messages_they_fill() {
    let peer = NodeId([0xbb; 32]);
    let mut core = started();
    core.step(NOW, Event::Link { peer, is_up: true });
    let take_rows = |core: &mut ControlCore| {
        let message = ControlMessage::Rows { change: None, rows: Vec::new() };
        let envelope = Envelope { cluster: None, wall_ms: NOW.0, message };
        shown(core.step(NOW, Event::Received { from: peer, envelope }))
    };
    assert_eq!(take_rows(&mut core), ["send"]);
    for _ in 0..100 {
        assert_eq!(take_rows(&mut core), [""; 0]);
    }
    assert_eq!(
        shown(core.step(NOW, Event::Tick { uptime_ms: 250 })),
        ["send"],
        "what came after the summary is compared"
    );
    assert_eq!(take_rows(&mut core), [""; 0]);
    assert_eq!(shown(core.step(NOW, Event::Tick { uptime_ms: 500 })), ["send"]);
    assert_eq!(shown(core.step(NOW, Event::Tick { uptime_ms: 750 })), [""; 0]);
    assert_eq!(take_rows(&mut core), ["send"]);
}
