//! What is found again after crashes, and what is refused.

use super::super::Header;
use super::super::log::{Journal, Known, ReplayError};
use super::super::record::RecordBuilder;
use super::*;
use crate::store::rows::{Keyspace, RowChange};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const CAPACITY: u64 = 16 * SECTOR_BYTES as u64;
const HEADER: Header = Header { environment: 0x7e57, capacity: CAPACITY };

/// A disk that keeps apart what was synced and the sectors that were written since.
#[derive(Clone, Debug)]
struct Disk(Arc<Mutex<(Vec<u8>, Unsynced)>>);

/// Sectors by their place.
type Unsynced = BTreeMap<u64, Vec<u8>>;

impl Disk {
    fn new() -> Disk {
        Disk(Arc::new(Mutex::new((vec![0; (HEADER_BYTES + CAPACITY) as usize], BTreeMap::new()))))
    }

    /// What a crash leaves: of the sectors that were not synced, those that `keeps` says.
    fn crash(&self, mut keeps: impl FnMut() -> bool) -> Disk {
        let mut state = self.0.lock().unwrap().clone();
        for (offset, sector) in std::mem::take(&mut state.1) {
            if keeps() {
                state.0[offset as usize..][..sector.len()].copy_from_slice(&sector);
            }
        }
        Disk(Arc::new(Mutex::new(state)))
    }

    fn damage(&self, offset: u64) {
        self.0.lock().unwrap().0[offset as usize] ^= 1;
    }
}

impl JournalFile for Disk {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let image = self.crash(|| true);
        bytes.copy_from_slice(&image.0.lock().unwrap().0[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        for (at, sector) in (offset..).step_by(SECTOR_BYTES).zip(bytes.chunks(SECTOR_BYTES)) {
            state.1.insert(at, sector.to_vec());
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let synced = self.crash(|| true);
        let image = synced.0.lock().unwrap().clone();
        *self.0.lock().unwrap() = image;
        Ok(())
    }
}

/// Opens the journal on a disk, and returns the records that were shown, by the value of their only row.
fn replay(disk: &Disk, known: Known) -> Result<(Journal<Disk>, Vec<u64>), ReplayError> {
    let mut shown = Vec::new();
    let journal = Journal::replay(disk.clone(), HEADER, known, |bytes, _| {
        let (row, _) = record::row_at(&bytes, record::HEAD_BYTES).unwrap();
        shown.push(u64::from_be_bytes(row.value.unwrap()[..8].try_into().unwrap()));
    })?;
    Ok((journal, shown))
}

fn known(applied: Stamp, openings: u64) -> Known {
    Known { applied, written: applied.sequence, openings }
}

/// Appends a record whose row holds `content`, over so many sectors.
fn append(journal: &mut Journal<Disk>, content: u64, sectors: usize) -> Option<Stamp> {
    let mut value = content.to_be_bytes().to_vec();
    value.resize(8 + (sectors - 1) * SECTOR_BYTES, content as u8);
    let mut builder = RecordBuilder::with_capacity(value.len());
    builder.push(&RowChange { keyspace: Keyspace::Items, key: b"k", value: Some(&value) });
    journal.append(builder).unwrap().map(|(_, stamp)| stamp)
}

fn sync(journal: &mut Journal<Disk>) {
    journal.file().sync().unwrap();
    journal.synced(journal.last().sequence);
}

fn stamp(opening: u64, sequence: u64) -> Stamp {
    Stamp { opening, sequence }
}

/// A journal with records 1 to `count`, each two sectors long and synced.
fn filled(count: u64) -> Disk {
    let disk = Disk::new();
    let (mut journal, _) = replay(&disk, known(Stamp::default(), 0)).unwrap();
    for content in 1..=count {
        append(&mut journal, content, 2).unwrap();
        sync(&mut journal);
    }
    disk
}

fn offset_of(record: u64) -> u64 {
    HEADER_BYTES + (record - 1) * 2 * SECTOR_BYTES as u64
}

#[test]
fn a_journal_that_was_never_written_to_is_empty() {
    assert_eq!(replay(&Disk::new(), known(Stamp::default(), 0)).unwrap().1, []);
}

#[test]
fn what_the_tree_has_is_not_shown_again() {
    let disk = filled(5);
    assert_eq!(replay(&disk, known(stamp(1, 2), 1)).unwrap().1, [3, 4, 5]);
    assert_eq!(replay(&disk, known(stamp(1, 5), 1)).unwrap().1, []);
}

#[test]
fn a_damaged_last_record_is_the_end() {
    for byte in [0, 30, 60, SECTOR_BYTES as u64 + 3] {
        let disk = filled(5);
        disk.damage(offset_of(5) + byte);
        let (journal, shown) = replay(&disk, known(Stamp::default(), 1)).unwrap();
        assert_eq!((shown, journal.next()), (vec![1, 2, 3, 4], stamp(2, 5)));
    }
}

#[test]
fn a_damaged_record_with_others_behind_it_is_refused_with_its_place() {
    for damaged in [1, 3, 4] {
        let disk = filled(5);
        disk.damage(offset_of(damaged) + 60);
        let error = replay(&disk, known(Stamp::default(), 1)).unwrap_err();
        let ReplayError::Gap(Gap::Damaged { missing, expected_at, behind, behind_at }) = error else {
            panic!("{error}")
        };
        assert_eq!((missing, behind, behind_at), (damaged, damaged + 1, offset_of(damaged + 1)));
        assert_eq!(expected_at, if damaged == 1 { 0 } else { offset_of(damaged) });
    }
}

#[test]
fn records_that_were_not_durable_may_follow_a_missing_one() {
    let disk = filled(2);
    let (mut journal, _) = replay(&disk, known(Stamp::default(), 1)).unwrap();
    (3..=5).for_each(|content| _ = append(&mut journal, content, 2).unwrap());
    // The sectors of record 3 are lost, those of 4 and 5 are not.
    let mut sector = 0;
    let disk = disk.crash(|| {
        sector += 1;
        sector > 2
    });
    let (mut journal, shown) = replay(&disk, known(Stamp::default(), 2)).unwrap();
    assert_eq!(shown, [1, 2]);
    // The next one takes the place of record 3. What is left of 4 and 5 does not follow it.
    append(&mut journal, 33, 2).unwrap();
    sync(&mut journal);
    let (_, shown) = replay(&disk, known(Stamp::default(), 3)).unwrap();
    assert_eq!(shown, [1, 2, 33]);
    let (_, shown) = replay(&disk, known(stamp(3, 3), 4)).unwrap();
    assert_eq!(shown, []);
}

#[test]
fn a_tree_that_is_older_than_its_journal_is_refused() {
    let disk = filled(6);
    let (mut journal, _) = replay(&disk, known(stamp(1, 6), 1)).unwrap();
    (7..=12).for_each(|content| {
        append(&mut journal, content, 2).unwrap();
        sync(&mut journal);
        journal.release(journal.head());
    });
    let error = replay(&disk, known(stamp(1, 2), 1)).unwrap_err();
    assert!(matches!(error, ReplayError::Gap(Gap::Damaged { missing: 3, .. })), "{error}");
}

#[test]
fn a_journal_that_is_older_than_its_tree_is_refused() {
    let disk = filled(3);
    let known = Known { applied: stamp(1, 2), written: 5, openings: 1 };
    let error = replay(&disk, known).unwrap_err();
    let expected = Gap::Older { missing: 4, expected_at: offset_of(4), written: 5 };
    assert!(matches!(error, ReplayError::Gap(gap) if gap == expected), "{error}");
}

#[test]
fn records_of_another_environment_are_not_seen() {
    let disk = filled(5);
    assert_eq!(scan(&disk, HEADER.environment, CAPACITY).unwrap().len(), 5);
    assert_eq!(scan(&disk, HEADER.environment + 1, CAPACITY).unwrap(), []);
}

/// What happens to a journal.
#[derive(Clone, Debug)]
enum Step {
    Append {
        sectors: usize,
    },
    Sync,
    /// The tree takes over so many of the synced records.
    Apply {
        records: u64,
    },
    /// The machine stops; of the sectors that were not synced, those whose bit is set are kept.
    Crash {
        kept: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..5usize).prop_map(|sectors| Step::Append { sectors }),
        3 => Just(Step::Sync),
        2 => (1..4u64).prop_map(|records| Step::Apply { records }),
        1 => any::<u64>().prop_map(|kept| Step::Crash { kept }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Every record that was synced is shown, in order; of the others, a run that follows them.
    #[test]
    fn whatever_a_crash_leaves_all_that_was_synced_is_found(steps in prop::collection::vec(step(), 1..60)) {
        let mut disk = Disk::new();
        let (mut journal, _) = replay(&disk, known(Stamp::default(), 0)).unwrap();
        let (mut openings, mut contents) = (1, 0);
        // Of each record that the tree lacks: its stamp, its content, and the head behind it.
        let mut live: Vec<(Stamp, u64, u64)> = Vec::new();
        let (mut applied, mut synced) = (Stamp::default(), 0);
        for step in steps {
            match step {
                Step::Append { sectors } => {
                    contents += 1;
                    if let Some(stamp) = append(&mut journal, contents, sectors) {
                        live.push((stamp, contents, journal.head()));
                    }
                }
                Step::Sync => {
                    sync(&mut journal);
                    synced = live.len();
                }
                Step::Apply { records } => {
                    let records = synced.min(records as usize);
                    if let Some((last, _, head)) = live.drain(..records).next_back() {
                        applied = last;
                        journal.release(head);
                    }
                    synced -= records;
                }
                Step::Crash { mut kept } => {
                    disk = disk.crash(|| {
                        kept = kept.rotate_left(1);
                        kept & 1 == 1
                    });
                    let (again, shown) = replay(&disk, known(applied, openings)).unwrap();
                    openings += 1;
                    let contents: Vec<u64> = live.iter().map(|(_, content, _)| *content).collect();
                    prop_assert!(shown.len() >= synced && contents.starts_with(&shown), "{shown:?} of {contents:?}");
                    live.truncate(shown.len());
                    synced = live.len();
                    journal = again;
                    // Heads are counted anew.
                    let mut ends = Vec::new();
                    let found = scan(&disk, HEADER.environment, CAPACITY).unwrap();
                    for (stamp, _, _) in &live {
                        let at = found.iter().find(|found| found.head.stamp == *stamp).unwrap();
                        ends.push(at.end() - HEADER_BYTES);
                    }
                    let mut round = 0;
                    let mut before = 0;
                    for (record, end) in live.iter_mut().zip(ends) {
                        round += if end < before { CAPACITY } else { 0 };
                        before = end;
                        record.2 = round + end;
                    }
                }
            }
        }
    }
}
