//! Readers of other processes, such as `mdb_copy`. One that was killed never gave back its snapshot: no page that was
//! replaced since could be used again, and the map filled up.

use heed::{Env, WithoutTls};
use std::path::Path;

/// Forgets the readers whose processes are gone. Whether there were any.
pub(super) fn clear(env: &Env<WithoutTls>, dir: &Path) -> bool {
    match env.clear_stale_readers() {
        Ok(0) => false,
        Ok(count) => {
            log::info!("{}: forgot {count} readers whose processes are gone", dir.display());
            true
        }
        Err(error) => {
            log::warn!("{}: readers whose processes are gone cannot be told: {error}", dir.display());
            false
        }
    }
}
