//! Every bound of the store, in one place: why this number, and what a caller sees at the limit.

mod entropy;

pub use entropy::*;

/// Slices of the hash ring. Fixed: the shard of a partition is the top ten bits of its hash, and what is
/// on disk is ordered by that hash.
pub const SHARD_COUNT: usize = 1024;

/// Segments of a shard, each with a digest: replicas that differ compare the items of a segment at a time. 262,144 in
/// all shards: 2 MiB of memory, and four partitions each on a store of a million.
pub const SHARD_SEGMENTS: usize = 256;

/// Longest partition key in bytes. LMDB keys hold 1,982 bytes, and a partition row is `bucket[32] ‖ key`.
/// Beyond it: 400 `KeyTooLong`.
pub const PARTITION_KEY_BYTES_MAX: usize = 1024;

/// Longest sort key in bytes. An item row is `hash[16] ‖ key`. Beyond it: 400 `KeyTooLong`.
pub const SORT_KEY_BYTES_MAX: usize = 1024;

/// Default for the longest value in bytes (configurable). K2V is for small values; a shard holds a value in memory
/// while it is written. Beyond it: 413 `EntityTooLarge`.
pub const VALUE_BYTES_MAX_DEFAULT: usize = 1 << 20;

/// Default for the longest request body in bytes (configurable). Beyond it: 413 `EntityTooLarge`.
pub const BODY_BYTES_MAX_DEFAULT: usize = 64 << 20;

/// Default for the concurrent values of one item (configurable). One more client write without a covering token:
/// 409 `TooManyConcurrentValues`. Merging replicas is never refused by it.
pub const CONCURRENT_VALUES_MAX_DEFAULT: usize = 256;

/// Default for the bytes of live values of one item (configurable): every write to an item copies all of them in memory
/// again. One more client write without a covering token: 409 `TooManyConcurrentValues`. A single value is always taken,
/// and merging replicas is never refused by it.
pub const ITEM_BYTES_MAX_DEFAULT: usize = 4 << 20;

/// Longest value in bytes that lies in the row of its item. A longer one has a row of its own, which is written once: what is
/// written beside it later costs what is added. A page of LMDB; a shorter limit would have ranges of ordinary values read
/// two rows for each.
pub const VALUE_WITH_ITEM_BYTES_MAX: usize = 4096;

/// Longest row that LMDB holds. Limits for clients under which an item could become longer are refused at the start.
pub const ROW_BYTES_MAX: u64 = u32::MAX as u64;

/// Bytes of the items that one batch changes in one shard, as they are afterwards: they are held in memory until they
/// are stored. Enough for the largest default body. Beyond it: 413 `EntityTooLarge`. One item by itself is always taken.
pub const BATCH_BYTES_MAX: usize = 128 << 20;

/// Longest causality token in bytes, before base64: 255 actors. A longer one was not issued here: 400.
pub const TOKEN_BYTES_MAX: usize = 4096;

/// Actors that one causality token can name: 8 bytes of seal, 16 bytes for each.
pub const TOKEN_ACTORS_MAX: usize = (TOKEN_BYTES_MAX - 8) / 16;

/// Longest seen marker in bytes, before base64. A longer one was not issued here: 400.
pub const MARKER_BYTES_MAX: usize = 1024;

/// How far ahead of the newest dot a shard's durable watermark is moved, in milliseconds of dot time. A larger step
/// saves disk writes; a smaller one saves nothing that matters, as dots are 64 bits wide.
pub const WATERMARK_STEP_MS: u64 = 60_000;

/// Actor ids of past epochs that a shard remembers. Older ones are forgotten, and a seen marker that names one is
/// answered with the whole range, once.
pub const ACTOR_HISTORY_MAX: usize = 4096;

/// Changes that a shard keeps in memory so that a poll of a range need not read the range again. A poll that lags
/// further behind reads the range from disk. About 100 bytes each with keys of usual length: 26 MB if every shard is
/// full of them.
pub const RECENT_CHANGES_MAX: usize = 256;

/// Requests that wait for one shard. Beyond it: 503, nothing applied; questions of polls wait for a place.
pub const SHARD_REQUESTS_MAX: usize = 4096;

/// Messages that a shard handles before the other shards of its thread have their turn. The runtime of actors gives no
/// more than 16 in any case.
pub const SHARD_TURN_MESSAGES_MAX: usize = 16;

/// Bytes of new states that a shard makes before the others of its thread have their turn: about 0.1 ms of copying. The
/// write that goes beyond it is finished.
pub const SHARD_TURN_BYTES_MAX: usize = 256 << 10;

/// Writes of one shard that may be on their way to disk. Beyond it: 503, nothing applied.
pub const SHARD_WRITES_IN_FLIGHT_MAX: usize = 4096;

/// Bytes of new states of one shard that may be on their way to disk, so that one busy item leaves room in the lane for
/// other shards. Beyond it: 503, nothing applied. A batch that is larger by itself is let in when nothing else is.
pub const SHARD_BYTES_IN_FLIGHT_MAX: usize = 32 << 20;

/// How long a write waits for the disk, in seconds: longer than any disk takes that still works, shorter than most
/// clients wait. Beyond it: 503, and the write may or may not be kept.
pub const WRITE_TIMEOUT_S: u64 = 30;

/// Milliseconds between two looks of a shard at the replicas that it waits for.
pub const PEER_TICK_MS: u64 = 1000;

/// Looks that a replica has to answer a batch: as long as a client waits. Then its answer counts as "not durable": 503
/// where the quorum is out of reach without it, and the write may or may not be kept.
pub const PEER_TICKS_MAX: u32 = 30;

/// Actors of one shard that have not been closed and that a replica looks after: those of other replicas, and those that have
/// ended and wait for comparisons. Of more than that, items keep what they know until there is room.
pub const OPEN_ACTORS_MAX: usize = 1024;

/// Actors that the clock of one message between replicas names: many times as many as there were crashes. More: refused.
pub const CLOCK_ACTORS_MAX: usize = 1 << 20;

/// A merge from this many bytes on goes over the bulk link, so that it delays no request.
pub const MERGE_BULK_BYTES_MIN: usize = 1 << 20;

/// Pollers that may be subscribed to one shard. Beyond it: 503.
pub const SHARD_POLLERS_MAX: usize = 65_536;

/// Bytes of rows that one transaction takes from the lane's queue beside its oldest batch; the rest waits for the next.
/// A small write waits for the transaction under way and for its own: this is what bounds both, and the pages that LMDB
/// keeps dirty in memory.
pub const GROUP_BYTES_MAX: usize = 4 << 20;

/// Batches that one transaction takes from the lane's queue before it commits.
pub const GROUP_BATCHES_MAX: usize = 1024;

/// Bytes of batches that one lane holds, from the mailbox to the answer: what a disk that hangs may cost in memory.
/// Beyond it: 503, nothing applied. A batch that is larger by itself is let in when nothing else waits.
pub const LANE_BYTES_MAX: usize = 128 << 20;

/// Batches that one lane holds, from the mailbox to the answer. Beyond it: 503, nothing applied.
pub const LANE_BATCHES_MAX: usize = 16_384;

/// Bytes of values that one page of a range read takes from a snapshot before it lets the snapshot go, so that a
/// slow reader neither grows memory nor keeps old pages of the store alive.
pub const PAGE_BYTES_MAX: usize = 256 << 10;

/// Items that one page of a range read takes from a snapshot.
pub const PAGE_ITEMS_MAX: usize = 1000;

/// Partitions that one source contributes to a page of ReadIndex.
pub const INDEX_PAGE_ROWS_MAX: usize = 500;

/// Writes of one shard that one message asks another node to coordinate: as many as a client's batch may have. A message
/// with more is refused.
pub const REPLICATION_BATCH_ITEMS_MAX: usize = 200_000;

/// Pairs of one seen marker: 8 bytes of seal, 16 bytes for each. A message with more is refused.
pub const MARKER_PAIRS_MAX: usize = (MARKER_BYTES_MAX - 8) / 16;

/// How long a write waits for the replica that coordinates it, in seconds: longer than that one waits itself, so that it
/// can still say what became of the write. Beyond it: 503, and the write may or may not be kept.
pub const COORDINATE_TIMEOUT_S: u64 = WRITE_TIMEOUT_S + 2;

/// How long a read waits for one replica, in seconds, before it goes on without it: much longer than any answer takes,
/// shorter than clients wait. If too few others answer: 503.
pub const REPLICA_READ_TIMEOUT_S: u64 = 5;

/// How long a read waits before it asks one more replica than it needs, in milliseconds: as long as 95 % of the latest
/// answers took, within these bounds. Less would ask twice for every hiccup, more would let one slow disk be felt.
pub const HEDGE_MS: std::ops::RangeInclusive<u64> = 2..=200;

/// The same before any answer was timed.
pub const HEDGE_MS_DEFAULT: u64 = 50;

/// How long a poll waits until it is subscribed at as many replicas as it needs, in milliseconds. Beyond it: 503.
pub const SUBSCRIBE_TIMEOUT_MS: u64 = 5_000;

/// How long a replica waits before it tries again to signal a commit, in milliseconds, if too much waits for the link.
pub const SIGNAL_RETRY_MS: u64 = 20;

/// Items that a listing which found replicas to differ has repaired; comparing the replicas finds the others.
pub const COUNT_REPAIRS_MAX: usize = 64;

/// How long a read that found replicas to differ waits for those behind to take in what it shows, in milliseconds. Beyond
/// it: 503, as what it would show may not be on a quorum.
pub const MEND_TIMEOUT_MS: u64 = 2_000;

/// Changes of the control plane that wait for the one being made durable. Beyond it: 503, nothing applied.
pub const CONTROL_QUEUE_MAX: usize = 256;

/// How long a change of the control plane waits for a majority of the nodes with a role, in seconds: many times what they
/// take when they can be reached. Beyond it: 503, and the change spreads all the same.
pub const CONTROL_CONFIRM_S: u64 = 10;

/// Milliseconds between two looks of the control plane at what it waits for. What was lost on the way is sent again.
pub const CONTROL_TICK_MS: u64 = 250;

/// Milliseconds between two exchanges of digests that a node begins, each with the next peer in turn. A lost change is
/// found by the next one.
pub const CONTROL_EXCHANGE_MS: u64 = 1000;

/// Peers per exchange: one, and one more for so many peers, so that a node hears from all within the time after which it
/// counts as cut off, three times over. 40 bytes each.
pub const CONTROL_PEERS_PER_EXCHANGE: usize = 20;

/// Bytes of rows in one message between control planes, unless a single row is larger.
pub const CONTROL_MESSAGE_BYTES_MAX: usize = 256 << 10;

/// Messages with rows that answer one question. The rest is found by the next exchange.
pub const CONTROL_MESSAGES_PER_EXCHANGE: usize = 64;

/// Messages of peers that wait for the disk. Beyond it they are dropped: the next exchange makes up for it.
pub const CONTROL_INBOX_MAX: usize = 4096;

/// How long a node that hears from no majority of the nodes with a role goes on serving, in milliseconds: so long may a key
/// live at a node that is cut off after it was deleted. Beyond it: 503 to everything.
pub const CUT_OFF_AFTER_MS: u64 = 60_000;

/// How far a stamp of a peer may pull this node's clock ahead of its own wall clock, in milliseconds. What is stamped later
/// than that is taken in all the same, and changed by later stamps of its own.
pub const CLOCK_PULL_MAX_MS: u64 = 60_000;

/// How far a peer's wall clock may be off before the log and `status` name it, in milliseconds.
pub const CLOCK_OFF_MS: u64 = 60_000;

/// Keys of causality tokens that a cluster keeps: one for each node that was started before it met the others. Beyond it,
/// tokens that the latest ones sealed are refused (400), and clients read again.
pub const TOKEN_KEYS_MAX: usize = 16;

/// Characters of a bucket's alias, as S3 bounds bucket names. Outside it: 400.
pub const ALIAS_BYTES: std::ops::RangeInclusive<usize> = 3..=63;

/// Bytes of the free texts of the control plane: names of access keys and admin tokens, zones, tags. They are shown in
/// tables and gossiped whole. Beyond it: 400.
pub const CONTROL_TEXT_BYTES_MAX: usize = 256;

/// CORS rules of one bucket, as S3 bounds them. Beyond it: 400.
pub const CORS_RULES_MAX: usize = 100;

/// Origins, methods or headers in one list of one CORS rule. Each is compared on every preflight. Beyond it: 400.
pub const CORS_LIST_MAX: usize = 100;

/// Tags of one node. Beyond it: 400.
pub const NODE_TAGS_MAX: usize = 32;

/// Endpoint names in the scope of one admin token. There are fewer endpoints. Beyond it: 400.
pub const ADMIN_SCOPE_MAX: usize = 128;

/// Largest replication factor. An assignment holds [`SHARD_COUNT`] times as many node indices.
pub const REPLICATION_FACTOR_MAX: usize = 7;

/// Longest address of a node, `host:port`, in bytes: the longest name that DNS has, and a port. A longer one is not told to
/// other nodes.
pub const PEER_ADDR_BYTES_MAX: usize = 260;

/// Longest program version and longest host name that a node tells others, in bytes: Linux names hosts with up to 64.
/// Longer ones are dropped.
pub const ABOUT_BYTES_MAX: usize = 256;

/// Longest packet of the membership protocol in bytes: news of a dozen members beside the header. What does not fit goes
/// with the next one; a larger packet would make a burst of news dearer, not faster.
pub const MEMBERSHIP_PACKET_BYTES_MAX: usize = 1400;

/// Nodes that this node remembers, those that are down included. Packets of one more are dropped.
pub const MEMBERS_MAX: usize = 16_384;

/// Messages about membership that wait for this node: a second of a cluster of a thousand that has news. More are lost,
/// and the protocol bears it.
pub const MEMBERSHIP_INBOX_MAX: usize = 4096;

/// Stores that a node may say that it has: one per lane. More are not believed.
pub const MEMORY_STORES_MAX: usize = 1024;

/// Seconds between two saves of what peers said of their newest commits. What a node of a cluster loses of it in a crash
/// could hide only an image that is newer than this.
pub const HEARD_SAVE_TICKS: u32 = 2;

/// Snapshots that may be open at the same time in one environment: one per request that is reading at that moment.
/// Beyond it a read is answered 500.
pub const STORE_READERS_MAX: u32 = 4096;

/// How long a full lane refuses growing writes before it lets one group try again, in milliseconds.
pub const FULL_PROBE_INTERVAL_MS: u64 = 1000;

/// Bytes of each environment's map, and of the disk below it, that only deletions may use; an eighth of a smaller map or
/// disk. Less might not hold the pages that one group of deletions changes. Beyond it: 507 for writes that grow.
pub const STORE_RESERVE_BYTES_MAX: u64 = 16 << 20;

/// Bytes by which an environment's file grows at a time. A commit that makes the file longer waits for the file
/// system's own records; a larger step would make the one commit that takes it wait longer.
pub const STORE_GROWTH_BYTES: u64 = 1 << 20;

/// Bytes in whose multiples blocks are reserved for the tree behind the end of its file, where the disk has them: what is
/// not used at the moment, at most. A smaller step would have the file system asked more often.
pub const STORE_RESERVATION_BYTES: u64 = 4 << 20;

/// Bytes of blocks that are reserved beside what rows need: LMDB changes no page in place, and this is what one of the
/// smallest transactions of a checkpoint writes before the pages that it replaces are free.
pub const STORE_HEADROOM_BYTES: u64 = 1 << 20;

/// Bytes of the journals of all lanes together; an eighth of a smaller disk. It bounds the memory of rows that are not in the tree
/// yet (about the same), and the time of a recovery. A larger one would let the tree be written in larger pieces, which
/// cost less each. When it is full writes wait for the tree.
pub const JOURNAL_BYTES_MAX: u64 = 64 << 20;

/// A checkpoint begins when the rows that the tree lacks take up one part in this many of the journal. The rest of it is
/// for what is written meanwhile.
pub const CHECKPOINT_JOURNAL_PARTS: u64 = 4;

/// How long a row stays out of the tree when little is written, in milliseconds.
pub const CHECKPOINT_INTERVAL_MS: u64 = 2_000;

/// Rows that one transaction of a checkpoint writes: between these (fewer where there is hardly room), as long as it takes about
/// [`CHECKPOINT_STEP_MS`]. The disk is busy with its pages meanwhile, and a group's sync waits.
pub const CHECKPOINT_STEP_ROWS: std::ops::RangeInclusive<usize> = 64..=16_384;

/// Bytes of rows that one transaction of a checkpoint writes, unless a single row is larger. LMDB keeps the pages that it
/// changes in memory until then.
pub const CHECKPOINT_STEP_BYTES_MAX: usize = 8 << 20;

/// Bytes of rows that one transaction of a migration reads, unless a single row is larger. It bounds the memory that it takes, and
/// what a kill has it do again.
pub const MIGRATION_STEP_BYTES_MAX: usize = 4 << 20;

/// How long one transaction of a checkpoint is meant to take, in milliseconds.
pub const CHECKPOINT_STEP_MS: u64 = 100;

/// Longest delay of a group when the journal is nearly full, in milliseconds. A delay slows its writers down to what the
/// tree takes; without it they would run into the end of the journal and stand still there.
pub const BACK_PRESSURE_MS_MAX: u64 = 100;

/// How often a relaxed journal is synced, in milliseconds: what a crash of the machine may take back.
pub const RELAXED_SYNC_INTERVAL_MS: u64 = 100;

/// Longest body of a message between nodes, in bytes: the states of the largest batch, and their frames and clock. Longer:
/// not sent; a peer that sends one is cut off.
pub const MESSAGE_BYTES_MAX: usize = BATCH_BYTES_MAX + (8 << 20);

/// Bytes of one piece of a message between nodes. A longer message is cut into pieces, between which short messages are
/// sent: a short one waits for one piece, which takes 0.5 ms on a link of 1 Gbit/s.
pub const PIECE_BYTES_MAX: usize = 64 << 10;

/// Longest frame between nodes, in bytes: a piece, or a hello with all it may hold, and the frame's head. A peer that
/// announces a longer one is cut off before anything is allocated for it.
pub const FRAME_BYTES_MAX: usize = PIECE_BYTES_MAX + (1 << 10);

/// Bytes of frames that are made for a link before the link has sent them. More would only make later, shorter messages
/// wait behind them.
pub const LINK_WRITE_BYTES: usize = 4 * PIECE_BYTES_MAX;

/// Bytes that one link reads before the other links of its thread have their turn.
pub const LINK_READ_TURN_BYTES: usize = 256 << 10;

/// Longest deadline of a request between nodes, in milliseconds. A longer one is cut to it.
pub const REQUEST_DEADLINE_MS_MAX: u64 = 86_400_000;

/// Messages that wait to be sent over one link, short ones and long ones each. Beyond it: not sent.
pub const LINK_QUEUE_MESSAGES_MAX: usize = 16_384;

/// Bytes of messages that wait to be sent over one link, short ones and long ones each: what a peer that reads slowly may cost in memory. Beyond it: not
/// sent. A message that is longer by itself is let in when nothing else waits.
pub const LINK_QUEUE_BYTES_MAX: usize = 32 << 20;

/// Requests over one link that wait for their answers. Beyond it: not sent.
pub const LINK_REQUESTS_IN_FLIGHT_MAX: usize = 16_384;

/// Requests of one peer over one link that are being answered: as many as it may have under way. A batch is a request for
/// each shard that it touches, so that some dozens of clients with large ones have thousands. Beyond it: refused as busy.
pub const LINK_SERVED_MAX: usize = LINK_REQUESTS_IN_FLIGHT_MAX;

/// Bytes of requests of one peer over one link that are being answered, short ones and long ones each. Beyond it requests are
/// refused as busy. One that is longer by itself is let in when no other is.
pub const LINK_SERVED_BYTES_MAX: usize = 64 << 20;

/// Bytes of answers that a peer has not taken yet over one link: the longest one, and half as much. Beyond it its requests are
/// refused as busy.
pub const LINK_ANSWER_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 2 * 3;

/// Milliseconds between two pings of a link.
pub const PING_INTERVAL_MS: u64 = 1000;

/// How long a link may be silent before it counts as lost, in milliseconds: some lost pings, and well below the time within
/// which a cluster has to go on without a node that hangs.
pub const LINK_SILENCE_MS_MAX: u64 = 5000;

/// Milliseconds between two looks of a link at its deadlines: by so much an outcome may come late.
pub const LINK_TICK_MS: u64 = 100;

/// Connections from outside that have not proven yet that they come from a peer. The oldest makes room for one more.
pub const HANDSHAKES_MAX: usize = 128;

/// How long a connection may take to prove that it comes from a peer, in milliseconds.
pub const HANDSHAKE_MS_MAX: u64 = 5000;

/// Milliseconds between two attempts to connect to a peer: the first number at first, twice as many after each failure up
/// to the second, and up to half as many on top by chance, so that nodes do not try in step. With the time that an attempt may
/// take it stays below the 10 s within which nodes that reach each other again have to serve.
pub const DIAL_PAUSE_MS: std::ops::RangeInclusive<u64> = 200..=2_000;

/// By how many milliseconds the node with the larger id lets the other one connect first, so that a pair seldom makes two
/// connections where it needs one.
pub const DIAL_COURTESY_MS: u64 = 500;

/// Addresses of peers that a node remembers. More than a cluster has nodes. Beyond it the newest are not taken in.
pub const PEER_ADDRS_MAX: usize = 8192;

/// Stores that a node may show to its peers. A node has as many as it has lanes. A peer that shows more is refused.
pub const PEER_ENVIRONMENTS_MAX: usize = 1024;
