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

    /// Notes that something happened, with the numbers that tell it apart: `what` has a place for each of them, `{}` for
    /// the number itself and `{?one|other}` for the words that it stands for.
    pub(crate) fn note(&mut self, at_us: u64, what: &'static str, numbers: &[u64]) {
        for byte in what.bytes() {
            self.mix(u64::from(byte));
        }
        self.mix(at_us);
        for &number in numbers {
            self.mix(number);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>14.3} ms  {}", at_us as f64 / 1000.0, sentence(what, numbers)));
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

/// Puts the numbers in their places.
fn sentence(what: &str, numbers: &[u64]) -> String {
    let mut numbers = numbers.iter();
    let mut parts = what.split('{');
    let mut sentence = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (place, rest) = part.split_once('}').expect("a place is closed");
        let number = numbers.next().expect("each place has a number");
        match place.strip_prefix('?') {
            Some(words) => {
                let word = words.split('|').nth(*number as usize).unwrap_or("something else");
                sentence.push_str(word);
            }
            None => sentence.push_str(&number.to_string()),
        }
        sentence.push_str(rest);
    }
    sentence
}

#[test]
fn numbers_become_words_where_a_place_has_them() {
    assert_eq!(sentence("poll {}: {?asleep|awake}", &[7, 1]), "poll 7: awake");
    assert_eq!(sentence("done{?|, badly}", &[0]), "done");
}
