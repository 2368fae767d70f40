//! What happened, as a hash that is always taken and as text that is written only on request.

/// A run's record. Two runs of one seed have the same.
#[derive(Default)]
pub(crate) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(is_recorded: bool) -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, lines: is_recorded.then(Vec::new) }
    }

    /// Notes that something happened, with the numbers that tell it apart.
    pub(crate) fn note(&mut self, at_us: u64, what: &'static str, numbers: &[u64]) {
        for byte in what.bytes() {
            self.mix(u64::from(byte));
        }
        self.mix(at_us);
        for &number in numbers {
            self.mix(number);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>14.3} ms  {what} {numbers:?}", at_us as f64 / 1000.0));
        }
    }

    /// Adds detail to the text alone.
    pub(crate) fn explain(&mut self, text: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>20}{}", "", text()));
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn into_text(self) -> String {
        self.lines.unwrap_or_default().join("\n")
    }

    fn mix(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(0x0000_0100_0000_01b3);
    }
}
