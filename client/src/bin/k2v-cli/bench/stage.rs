//! Where a benchmark plays: its items, from the first to the last.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use k2v_client::{BatchDelete, BatchInsert, BatchRead, Bucket};

use super::args::Bench;
use super::check::Checker;
use super::drive::{self, Job, Outcome, Source, Until};
use super::keyspace::{Keyspace, PARTITIONS_MAX};
use super::poll;
use super::request::{Kind, Pool};
use super::stop::Stop;
use super::workload::Workload;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// How many items are prepared for a warm-up. It ends early where they do not last.
const ITEMS_WARM_UP: u64 = 100_000;

/// How many requests are prepared at most: 64 bytes each.
pub(crate) const REQUESTS_MAX: u64 = 4_000_000;

/// How many items go into one request of the preparations.
const ITEMS_AT_ONCE: u64 = 1_000;

/// How many partitions are cleaned up by one request.
const PARTITIONS_AT_ONCE: usize = 20;

/// How many requests of the preparations are on their way at once.
const REQUESTS_AT_ONCE: usize = 4;

/// Over how many partitions new items are spread, so that they do not queue for one.
const PARTITIONS_WRITTEN: u64 = 1_000;

/// The items of one run.
pub(crate) struct Stage {
    bucket: Bucket,
    address: String,
    read: Keyspace,
    written: Keyspace,
    populated: u64,
    /// The first number that is free, of single items and of batches: each kind has its own partitions.
    next_insert: u64,
    next_batch: u64,
    batches: Keyspace,
    polled: Keyspace,
    connections: usize,
    batch_size: u64,
    range_size: u64,
    read_share: u32,
    verify: bool,
    keys_wanted: u64,
    has_polled: bool,
    stop: Stop,
}

impl Stage {
    pub(crate) fn new(bucket: Bucket, endpoint: &str, bench: &Bench, stop: Stop) -> Result<Self, Failure> {
        let address = address_of(endpoint)?;
        let run = format!("k2v-cli-bench-{:08x}", rand::random::<u32>());
        let value_size = bench.value_size as usize;
        let keyspace =
            |kind: &str, partitions| Keyspace::new(format!("{run}-{kind}-"), partitions, value_size);
        let partitions = bench.keys.div_ceil(bench.range_size).min(PARTITIONS_MAX);
        Ok(Self {
            bucket,
            address,
            read: keyspace("read", partitions),
            written: keyspace("insert", PARTITIONS_WRITTEN),
            batches: keyspace("batch", PARTITIONS_WRITTEN),
            polled: keyspace("poll", PARTITIONS_WRITTEN),
            populated: 0,
            next_insert: 0,
            next_batch: 0,
            connections: usize::from(bench.connections),
            batch_size: bench.batch_size,
            range_size: bench.range_size,
            read_share: bench.read_share,
            verify: bench.verify,
            keys_wanted: bench.keys,
            has_polled: false,
            stop,
        })
    }

    /// Whether the run is to end early.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_set()
    }

    /// How many items a request of the workload writes or reads.
    pub(crate) fn items_per_request(&self, workload: Workload) -> u64 {
        match workload {
            Workload::Insert | Workload::Read | Workload::Mixed | Workload::Poll => 1,
            Workload::Batch => self.batch_size,
            Workload::Range => self.range_size.min(self.keys_wanted.div_ceil(self.read.partitions())),
        }
    }

    /// How many requests are prepared for a warm-up.
    pub(crate) fn warm_up_requests(&self, workload: Workload) -> u64 {
        (ITEMS_WARM_UP / self.items_per_request(workload)).max(1)
    }

    /// Writes the items that are read later.
    pub(crate) async fn populate(&mut self, terminal: Terminal) -> Result<(), Failure> {
        let bar = terminal.bar(self.keys_wanted, "items to read");
        let (bucket, keys) = (&self.bucket, &self.read);
        let stop = &self.stop;
        let chunks = stream::iter(chunks(0..self.keys_wanted).take_while(|_| !stop.is_set()));
        let done = chunks
            .map(|items| {
                let bar = &bar;
                async move {
                    let op = |item| BatchInsert::new(keys.pk(item), Keyspace::sk(item), keys.value(item));
                    bucket.insert_batch(&items.clone().map(op).collect::<Vec<_>>()).await?;
                    bar.inc(items.end - items.start);
                    Ok::<_, Failure>(())
                }
            })
            .buffer_unordered(REQUESTS_AT_ONCE)
            .try_collect::<()>()
            .await;
        bar.finish_and_clear();
        // Also a part of it has to be cleaned up.
        self.populated = self.keys_wanted;
        done
    }

    /// Runs a workload once, with so many requests prepared where each is sent but once.
    pub(crate) async fn run(
        &mut self,
        workload: Workload,
        until: Until,
        prepared: u64,
    ) -> Result<Outcome, Failure> {
        if workload == Workload::Poll {
            self.has_polled = true;
            return poll::drive(&self.bucket, &self.polled, self.connections, until, &self.stop).await;
        }
        let read = |stage: &Self| stage.sign(Kind::Read, &stage.read, 0..stage.populated).map(Source::Random);
        let insert = |stage: &Self| {
            let numbers = stage.next_insert..stage.next_insert + prepared;
            stage.sign(Kind::Insert, &stage.written, numbers).map(Source::each)
        };
        let sources = match workload {
            Workload::Insert => vec![insert(self)?],
            Workload::Read => vec![read(self)?],
            Workload::Mixed => vec![read(self)?, insert(self)?],
            Workload::Batch => {
                let prepared = prepared.min(REQUESTS_MAX / self.batch_size);
                let numbers = self.next_batch..self.next_batch + prepared;
                vec![self.sign(Kind::Batch(self.batch_size), &self.batches, numbers).map(Source::each)?]
            }
            Workload::Range => {
                let kind = Kind::Range(self.range_size);
                vec![self.sign(kind, &self.read, 0..self.read.partitions()).map(Source::Random)?]
            }
            Workload::Poll => Vec::new(),
        };
        let checker =
            Checker { keys: self.read.clone(), populated: self.populated, checks_values: self.verify };
        let job =
            Arc::new(Job { sources, first_share_percent: self.read_share, checker, stop: self.stop.clone() });
        let mut outcome = drive::drive(&job, &self.address, self.connections, until).await?;
        self.account(workload, &job, &mut outcome).await?;
        Ok(outcome)
    }

    fn sign(&self, kind: Kind, keys: &Keyspace, numbers: Range<u64>) -> Result<Pool, Failure> {
        let client = self.bucket.client();
        tokio::task::block_in_place(|| Pool::sign(client, self.bucket.name(), kind, keys, numbers))
    }

    /// Remembers which numbers are taken, and reads back what was written if asked to.
    async fn account(&mut self, workload: Workload, job: &Job, outcome: &mut Outcome) -> Result<(), Failure> {
        let Some(used) = job.sources.last().map(Source::used) else { return Ok(()) };
        let (kind, keys) = match workload {
            Workload::Insert | Workload::Mixed => {
                self.next_insert = used.end;
                (Kind::Insert, &self.written)
            }
            Workload::Batch => {
                self.next_batch = used.end;
                (Kind::Batch(self.batch_size), &self.batches)
            }
            Workload::Read | Workload::Range | Workload::Poll => return Ok(()),
        };
        // What failed may or may not be there: only a run without errors can be held to its word.
        if self.verify && outcome.failed() == 0 && !self.is_stopped() {
            self.read_back(kind, keys, used, outcome).await?;
        }
        Ok(())
    }

    async fn read_back(
        &self,
        kind: Kind,
        keys: &Keyspace,
        used: Range<u64>,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let items: Vec<u64> = used.flat_map(|number| kind.items(keys, number)).collect();
        for items in items.chunks(ITEMS_AT_ONCE as usize) {
            let query = |item: &u64| BatchRead::item(keys.pk(*item), Keyspace::sk(*item));
            let pages = self.bucket.read_batch(&items.iter().map(query).collect::<Vec<_>>()).await?;
            for (item, page) in items.iter().zip(pages) {
                let value = page.items.first().and_then(|entry| entry.item.single());
                if value.is_none_or(|value| *value != keys.value(*item)) {
                    outcome.note_error("an acknowledged value is not there".into());
                }
            }
        }
        Ok(())
    }

    /// Deletes everything that the run wrote.
    pub(crate) async fn clean_up(&self, terminal: Terminal) -> Result<(), Failure> {
        let used = |keys: &Keyspace, items: u64| -> Vec<String> {
            (0..keys.partitions().min(items)).map(|partition| keys.partition_key(partition)).collect()
        };
        let polled = if self.has_polled { self.connections as u64 } else { 0 };
        let partitions: BTreeSet<String> = [
            used(&self.read, self.populated),
            used(&self.written, self.next_insert),
            used(&self.batches, self.next_batch),
            used(&self.polled, polled),
        ]
        .into_iter()
        .flatten()
        .collect();
        let bar = terminal.bar(partitions.len() as u64, "partitions cleaned up");
        let partitions: Vec<_> = partitions.into_iter().map(BatchDelete::all).collect();
        for partitions in partitions.chunks(PARTITIONS_AT_ONCE) {
            self.bucket.delete_batch(partitions).await?;
            bar.inc(partitions.len() as u64);
        }
        bar.finish_and_clear();
        Ok(())
    }
}

fn chunks(items: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let end = items.end;
    items.step_by(ITEMS_AT_ONCE as usize).map(move |start| start..(start + ITEMS_AT_ONCE).min(end))
}

/// Where to connect to.
fn address_of(endpoint: &str) -> Result<String, Failure> {
    if endpoint.contains(',') {
        return Err(Failure::usage("bench measures one node: name one with --endpoint"));
    }
    let uri: http::Uri =
        endpoint.parse().map_err(|_| Failure::usage(format!("{endpoint} is not an endpoint")))?;
    if uri.scheme_str() != Some("http") {
        return Err(Failure::usage("bench speaks plain http: name the endpoint of a node itself"));
    }
    let host = uri.host().unwrap_or_default();
    Ok(format!("{host}:{}", uri.port_u16().unwrap_or(80)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_can_be_measured() {
        assert_eq!(address_of("http://localhost").unwrap(), "localhost:80");
        assert_eq!(address_of("http://[::1]:3902").unwrap(), "[::1]:3902");
        assert!(address_of("https://localhost").is_err());
        assert!(address_of("http://one:3902,http://two:3902").is_err());
    }

    #[test]
    fn items_are_prepared_in_handy_pieces() {
        assert_eq!(chunks(0..2_500).collect::<Vec<_>>(), [0..1_000, 1_000..2_000, 2_000..2_500]);
    }
}
