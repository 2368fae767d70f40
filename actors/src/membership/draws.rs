use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Randomness from a seed, behind the trait of the version of `rand` that `foca` asks for.
#[derive(Debug)]
pub(super) struct Draws(StdRng);

impl Draws {
    pub(super) fn new(seed: u64) -> Draws {
        Draws(StdRng::seed_from_u64(seed))
    }
}

impl rand_core::RngCore for Draws {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
