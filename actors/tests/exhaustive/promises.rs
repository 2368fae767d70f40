//! What every two replicas that vote have to show.

use crate::cluster::{Cluster, View};

impl Cluster {
    /// Reads every two replicas that vote, and finishes the read that is under way at each of them.
    pub(crate) fn keeps_its_promises(&self) -> Result<(), String> {
        let acknowledged: Vec<bool> = self.writes().iter().map(|write| write.is_acknowledged).collect();
        for a in 0..3 {
            if !self.votes(a) {
                continue;
            }
            let first = self.view(a);
            for b in (a + 1..3).filter(|b| self.votes(*b)) {
                self.check(&first, &self.view(b), &acknowledged)
                    .map_err(|what| format!("{what} at {a}, {b}"))?;
            }
            if let Some((at, early, acknowledged)) = self.read_under_way()
                && at != a
            {
                self.check(early, &first, acknowledged)
                    .map_err(|what| format!("{what} at {at} and later {a}"))?;
            }
        }
        Ok(())
    }

    /// Once everything has come to rest, all replicas vote, and hold the same values.
    pub(crate) fn becomes_equal(&self) -> Result<(), String> {
        let mut rested = self.clone();
        rested.comes_to_rest();
        rested.keeps_its_promises()?;
        let hashes = [0, 1, 2].map(|at| rested.view(at).state_hash());
        if hashes.iter().any(|hash| *hash != hashes[0]) || (0..3).any(|at| !rested.votes(at)) {
            return Err(format!("replicas differ at rest: {hashes:?}"));
        }
        Ok(())
    }

    /// `acknowledged` are the writes that were when the read began.
    fn check(&self, a: &View, b: &View, acknowledged: &[bool]) -> Result<(), String> {
        let shown = self.shown_by(a, b);
        for (number, write) in self.writes().iter().enumerate() {
            let was = |number: usize| acknowledged.get(number).copied().unwrap_or(false);
            if shown.contains(&number) {
                if let Some(covering) = write.covered_by.iter().find(|covering| was(**covering)) {
                    return Err(format!(
                        "write {number} is shown, which the acknowledged write {covering} covered"
                    ));
                }
            } else if was(number) && write.covered_by.is_empty() {
                return Err(format!(
                    "write {number} was acknowledged, nobody covered it, and it is not shown"
                ));
            }
        }
        Ok(())
    }
}
