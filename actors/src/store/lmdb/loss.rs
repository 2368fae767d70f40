//! Detects lost data before a new store is made in its place, and before a damaged file is mapped.
//!
//! LMDB makes an empty file into a new environment without a word, and maps one that was cut short: the process then dies
//! by SIGBUS at the first page that is missing.
//!
//! ```text
//! data.mdb:    meta page 0 ‖ meta page 1 ‖ pages …           integers as the machine has them
//! meta page:   header[16] ‖ magic u32 ‖ version u32 ‖ address u64 ‖ map size u64
//!              ‖ page size u32 ‖ …[92] ‖ last page u64 ‖ transaction u64
//! ```

use super::{OpenError, reserve, witness};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: u32 = 0xBEEF_C0DE;
const META_BYTES: usize = 152;
const PAGE_BYTES_DEFAULT: u64 = 4096;
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 256..=65_536;

/// What was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Loss {
    /// The folder of an environment that was made.
    #[error("the folder is missing")]
    Folder,
    /// The file, where one was.
    #[error("`data.mdb` is missing from it")]
    Missing,
    /// The content of the file, where there was some.
    #[error("`data.mdb` in it is empty")]
    Empty,
    /// Its beginning: no root page is where one must be.
    #[error("`data.mdb` in it does not begin as a store does")]
    Damaged,
    /// The end of the file.
    #[error("`data.mdb` in it was cut short: it has {bytes} bytes of at least {needed_bytes}")]
    Short {
        /// Its length.
        bytes: u64,
        /// The end of the last page that its last commit knows of.
        needed_bytes: u64,
    },
}

/// Refuses an environment's folder from which something is missing. It may also be new, unless `was_made` says that an
/// environment was finished there. Removing `home` is what begins with nothing.
pub(in crate::store) fn check(home: &Path, dir: &Path, was_made: bool) -> Result<(), OpenError> {
    match find(dir, was_made).map_err(|source| OpenError::io(dir, source))? {
        None => Ok(()),
        Some(loss) => Err(OpenError::Lost { dir: dir.to_path_buf(), loss, home: home.to_path_buf() }),
    }
}

fn find(dir: &Path, was_made: bool) -> io::Result<Option<Loss>> {
    if !dir.is_dir() {
        return Ok(was_made.then_some(Loss::Folder));
    }
    let file = match File::open(dir.join("data.mdb")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((was_made || has_traces(dir)?).then_some(Loss::Missing));
        }
        Err(error) => return Err(error),
    };
    let bytes = file.metadata()?.len();
    if bytes == 0 {
        return Ok((was_made || has_traces(dir)?).then_some(Loss::Empty));
    }
    Ok(match needed_bytes(&file, bytes)? {
        Some(needed_bytes) => (bytes < needed_bytes).then_some(Loss::Short { bytes, needed_bytes }),
        None => Some(Loss::Damaged),
    })
}

/// Whether an environment was made in the folder: both files come after its first commit. (`in-use` and `lock.mdb` come
/// before, and are left by a first opening that was cut short.)
fn has_traces(dir: &Path) -> io::Result<bool> {
    Ok(fs::exists(dir.join(reserve::NAME))? || fs::exists(dir.join(witness::NAME))?)
}

/// How long the file must be at least; `None` if it does not begin with two root pages.
fn needed_bytes(file: &File, bytes: u64) -> io::Result<Option<u64>> {
    if bytes < META_BYTES as u64 {
        return Ok(Some(2 * PAGE_BYTES_DEFAULT));
    }
    let Some(first) = Meta::read(file, 0)? else { return Ok(None) };
    let both = 2 * u64::from(first.page_bytes);
    if bytes < both {
        return Ok(Some(both));
    }
    let Some(second) = Meta::read(file, u64::from(first.page_bytes))? else { return Ok(None) };
    let newest = if second.transaction > first.transaction { second } else { first };
    Ok(Some(newest.last_page.saturating_add(1).saturating_mul(u64::from(first.page_bytes))))
}

/// One of the two roots. The one with the larger transaction is in force.
#[derive(Clone, Copy)]
struct Meta {
    page_bytes: u32,
    last_page: u64,
    transaction: u64,
}

impl Meta {
    fn read(file: &File, at: u64) -> io::Result<Option<Meta>> {
        let mut page = [0; META_BYTES];
        file.read_exact_at(&mut page, at)?;
        let u32_at = |at: usize| page[at..].first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
        let u64_at = |at: usize| page[at..].first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
        let meta = Meta { page_bytes: u32_at(40), last_page: u64_at(136), transaction: u64_at(144) };
        let is_meta = u32_at(16) == MAGIC && PAGE_BYTES.contains(&meta.page_bytes);
        Ok(is_meta.then_some(meta))
    }
}
