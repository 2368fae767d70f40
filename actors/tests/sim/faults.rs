//! What goes wrong, and how it ends.

use crate::client::Reply;
use crate::control::Control;
use crate::disk::Fate;
use crate::invariants::{Violation, polls, ranges, rest};
use crate::keyspace::{ItemIndex, NODE, SHARDS};
use crate::limits::SHARD_LIMITS;
use crate::mailbox::Lane;
use crate::node::Node;
use crate::oracle::WriteId;
use crate::polls::Wants;
use crate::shape::Part;
use crate::space::Space;
use crate::world::{Message, World};
use std::collections::BTreeMap;
use troupe_actors::shard::ShardCore;
use troupe_actors::store::lane::Fence;
use troupe_actors::store::{Epoch, Snapshot, Store};

impl World {
    /// Opens the environment as a new process does.
    pub(crate) fn open_node(&mut self) -> Result<(), Violation> {
        self.lives += 1;
        self.unheard = 0;
        self.pace.begin();
        let mut shards = Vec::new();
        for shard in SHARDS.iter() {
            let meta = self.disk.store.snapshot().and_then(|snapshot| snapshot.shard_meta(*shard));
            let meta = meta.map_err(|error| Violation {
                invariant: "what a shard left behind can be read",
                what: error.to_string(),
            })?;
            let seed = self.random.seed();
            let epoch = self.disk.store.epoch();
            shards.push(ShardCore::open(*shard, NODE, meta, epoch, SHARD_LIMITS, Fence::first(0), seed));
        }
        self.node = Some(Node {
            shards,
            lane: Lane::default(),
            control: Control::load(&self.control_rows())?,
            writing: BTreeMap::new(),
            requests_to_shards: 0,
            open_parts: BTreeMap::new(),
            polls: BTreeMap::new(),
            polls_made: self.lives << 32,
            streams: BTreeMap::new(),
            under_way: 0,
            is_stopping: false,
        });
        self.note("node {} starts", &[self.lives]);
        self.plan_upkeep();
        self.start_control()
    }

    pub(crate) fn schedule_fault(&mut self) {
        let delay_us = match self.random.below(10) {
            0 => self.random.between(100_000, 10_000_000),
            _ => self.random.between(500, 60_000),
        };
        self.scheduler.send(delay_us, Message::Fault);
    }

    pub(crate) fn fault(&mut self) -> Result<(), Violation> {
        if self.is_settling() {
            return Ok(());
        }
        match self.random.below(10) {
            0..3 if self.shape.has(Part::Crashes) => self.crash()?,
            3..5 if self.shape.has(Part::Stops) => self.stop(),
            5..7 if self.shape.has(Part::FullDisks) => self.fill_disk(),
            7..9 => self.disk.set_space(Space::plenty()),
            9 => self.turn_clock(),
            _ => {}
        }
        self.schedule_fault();
        Ok(())
    }

    /// Somebody else takes the room, most of it or all.
    fn fill_disk(&mut self) {
        let used = self.disk.used_bytes();
        let left = if self.random.percent(50) { 0 } else { self.random.between(0, 300) };
        self.note("the disk fills up: {} bytes are used, {} left beyond the reserve", &[used, left]);
        let is_map = self.random.percent(50);
        let is_stuffed = self.random.percent(20);
        self.disk.set_space(if is_stuffed { Space::none() } else { Space::of(used, left, is_map) });
    }

    /// The wall clock is set, forwards or backwards.
    fn turn_clock(&mut self) {
        if !self.shape.has(Part::Clocks) {
            return;
        }
        // By a step that is noticed, or by one that is taken for none.
        self.clock_skew_ms = match self.random.percent(50) {
            true => self.random.between(1_000_000, 2_000_000),
            false => self.clock_skew_ms.saturating_sub(self.random.between(1, 100)),
        };
        self.note("somebody sets the clock: it is {} ms ahead", &[self.clock_skew_ms]);
    }

    /// The process dies, alone or with its machine. What was not committed is lost, and so is every connection; with the
    /// machine, what was not synced may go as well.
    pub(crate) fn crash(&mut self) -> Result<(), Violation> {
        self.cut_off_commit()?;
        if self.node.take().is_some() {
            let is_power_cut = self.random.percent(50) && self.shape.has(Part::PowerCuts);
            let lost = if is_power_cut { self.disk.cut_power(&mut self.random) } else { 0 };
            self.note(
                "{?the process dies|the power fails}: {} sectors are lost",
                &[u64::from(is_power_cut), lost],
            );
            self.lose_connections();
            self.schedule_start();
        }
        Ok(())
    }

    /// The node is asked to stop: it takes no more requests, finishes what it has, and closes its environment.
    fn stop(&mut self) {
        if let Some(node) = &mut self.node
            && !node.is_stopping
        {
            node.is_stopping = true;
            self.note("the node is asked to stop", &[]);
            self.end_polls();
        }
    }

    pub(crate) fn stop_if_drained(&mut self) -> Result<(), Violation> {
        let is_done = self.node.as_ref().is_some_and(|node| node.is_stopping && node.is_drained());
        if is_done {
            self.node = None;
            self.note("the node has stopped", &[]);
            let nonce = self.random.next();
            self.disk.close_clean(nonce);
            if self.random.percent(40) {
                self.disk.copy();
            }
            self.lose_connections();
            self.schedule_start();
        }
        Ok(())
    }

    fn lose_connections(&mut self) {
        for client in 0..self.clients.len() {
            if let Some(request) = self.clients[client].waits_for {
                self.reply(client, request, Reply::ConnectionLost);
            }
        }
    }

    fn schedule_start(&mut self) {
        let delay_us = if self.random.percent(20) { 100_000_000 } else { 10_000 };
        let delay_us = self.random.between(1, delay_us);
        self.scheduler.send(delay_us, Message::Start);
    }

    pub(crate) fn start(&mut self) -> Result<(), Violation> {
        let (mut which, mut returning) = (self.random.below(16), Vec::new());
        let fate = match self.random.below(20) {
            _ if self.is_settling() || !self.shape.has(Part::Restores) => Fate::Kept,
            0..3 => Fate::EnvironmentRestored { in_place: self.random.percent(50) },
            3..5 => Fate::FolderRestored,
            5..8 => match self.machine_copy() {
                Some(machine) => {
                    (which, returning) = machine;
                    Fate::MachineRestored
                }
                None => Fate::Kept,
            },
            8 => Fate::Vanished,
            _ => Fate::Kept,
        };
        if self.random.percent(30) {
            self.turn_clock();
        }
        let drawn = Epoch(self.random.next());
        let before = self.disk.held;
        let opened = self.disk.reopen(fate, which, drawn)?;
        self.note(OPENED, &[fate_number(fate), u64::from(opened.goes_on)]);
        let is_unheard = |id: &WriteId| !self.oracle.ever_held.contains(*id);
        let unheard: Vec<WriteId> = opened.last.into_iter().filter(is_unheard).collect();
        let changed = |at: &ItemIndex| before.of(*at) != self.disk.held.of(*at);
        let changed: Vec<ItemIndex> = ItemIndex::all().filter(changed).collect();
        if fate != Fate::Kept || !changed.is_empty() {
            self.timeline += 1;
        }
        for item in changed {
            for follower in self.clients.iter_mut().filter_map(|client| client.follower.as_mut()) {
                follower.excuse(item, true);
            }
        }
        if !unheard.is_empty() {
            self.note("{} writes are there of which nobody has heard", &[unheard.len() as u64]);
            self.commits += 1;
            self.note_stored(&unheard)?;
        }
        self.open_node()?;
        self.check_disk()?;
        self.clients_return(returning)
    }

    /// Clients make no more trouble, and neither does anything else.
    pub(crate) fn settle(&mut self) {
        self.disk.set_space(Space::plenty());
        self.note("nothing goes wrong from now on", &[]);
    }

    pub(crate) fn check_disk(&mut self) -> Result<(), Violation> {
        self.check_counters()?;
        for item in ItemIndex::all() {
            self.look_at(item)?;
        }
        Ok(())
    }

    /// Nothing is under way any more.
    pub(crate) fn check_rest(&mut self) -> Result<(), Violation> {
        self.check_disk()?;
        let Some(node) = &self.node else {
            return Err(Violation { invariant: "a node comes back up", what: "it is down".to_owned() });
        };
        let in_cores = node.shards.iter().map(ShardCore::poller_count).sum();
        rest::check_pollers(in_cores, node.polls.len())?;
        for poll in node.polls.values() {
            match &poll.wants {
                Wants::Item { item, token } => {
                    polls::check_asleep(&self.disk.held, *item, &token.seen)?;
                }
                Wants::Range { .. } => self.check_follower(poll.client)?,
            }
        }
        Ok(())
    }

    fn check_follower(&self, client: usize) -> Result<(), Violation> {
        let Some(follower) = &self.clients[client].follower else { return Ok(()) };
        let items = ItemIndex::all().filter(|at| at.is_in(follower.partition, &follower.range));
        for at in items.filter(|at| !follower.is_excused(*at)) {
            ranges::check_view(at, follower.view(at), &self.disk.held.of(at).live())?;
        }
        Ok(())
    }
}

const OPENED: &str = "the environment is opened, {?as it was left|after an older one was put back|after the folder was put back|\
     after the machine went back|after it was lost}: {?a new epoch|the epoch goes on}";

fn fate_number(fate: Fate) -> u64 {
    match fate {
        Fate::Kept => 0,
        Fate::EnvironmentRestored { .. } => 1,
        Fate::FolderRestored => 2,
        Fate::MachineRestored => 3,
        Fate::Vanished => 4,
    }
}
