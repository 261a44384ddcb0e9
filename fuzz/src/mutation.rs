//! Inputs made from a corpus by small changes, the same ones on every run.
//!
//! No coverage steers the changes: this is what a stable compiler and an iteration count allow. A
//! target's dictionary makes up for some of it; the same targets run under libFuzzer by hand.

/// Numbers that look random and depend on the seed alone (Marsaglia's xorshift, 64 bits).
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A sequence of its own for each `seed`.
    pub fn new(seed: u64) -> Self {
        // The state must not be zero, and near seeds should not begin alike.
        Self { state: (seed ^ SPREAD).wrapping_mul(SPREAD) | 1 }
    }

    /// A number below `bound`; zero when `bound` is.
    pub fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        // The upper half is the better one.
        (self.state >> 32) as usize % bound.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// Makes inputs out of a corpus.
#[derive(Debug)]
pub struct Mutator<'a> {
    random: Random,
    corpus: &'a [Vec<u8>],
    dictionary: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    /// Mutates entries of `corpus`, now and then inserting a word of `dictionary`.
    pub fn new(seed: u64, corpus: &'a [Vec<u8>], dictionary: &'a [&'a str]) -> Self {
        Self { random: Random::new(seed), corpus, dictionary }
    }

    /// The next input: an entry of the corpus after one to six changes, at most [`LONGEST`] bytes.
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.random.pick(self.corpus).cloned().unwrap_or_default();
        for _ in 0..=self.random.below(6) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let random = &mut self.random;
        let at = random.below(input.len() + 1);
        let end = at + random.below((input.len() - at).min(32) + 1);
        match random.below(8) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => {
                if let (Some(byte), Some(telling)) = (input.get_mut(at), random.pick(TELLING)) {
                    *byte = *telling;
                }
            }
            2 => {
                if let Some(telling) = random.pick(TELLING) {
                    input.insert(at, *telling);
                }
            }
            3 => {
                if let Some(word) = random.pick(self.dictionary) {
                    input.splice(at..at, word.bytes());
                }
            }
            4 => {
                if let Some(word) = random.pick(self.dictionary) {
                    input.splice(at..end, word.bytes());
                }
            }
            5 => drop(input.drain(at..end)),
            6 => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            7 => {
                // The head of this one with the tail of another; an empty tail truncates.
                if let Some(other) = random.pick(self.corpus) {
                    input.truncate(at);
                    input.extend_from_slice(&other[random.below(other.len() + 1)..]);
                }
            }
            _ => {}
        }
    }
}

/// `data` cut into pieces, some of them empty. The same data is always cut at the same places.
pub fn pieces(data: &[u8]) -> Vec<&[u8]> {
    let seed = data
        .iter()
        .fold(data.len() as u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let mut random = Random::new(seed);
    let longest = 1 + random.below(24);
    let mut pieces = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.below(longest + 1).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// No input is longer than this, in bytes.
pub const LONGEST: usize = 4096;

/// Bytes that mean something to a parser of text, and those at the edges.
const TELLING: &[u8] = b"\0\t\n\r \"#%&'()*+,-./0159:;<=>?@[\\]_afFzZ~\x7f\x80\xc3\xff";

const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_inputs_again_and_they_differ() {
        let corpus = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b"GET".to_vec()];
        let inputs = |seed| {
            let mut mutator = Mutator::new(seed, &corpus, &["chunked"]);
            (0..500).map(|_| mutator.input()).collect::<Vec<_>>()
        };
        let mut first = inputs(1);
        assert_eq!(first, inputs(1));
        assert_ne!(first, inputs(2));
        first.sort();
        first.dedup();
        assert!(first.len() > 400, "{} of 500 differ", first.len());
    }

    #[test]
    fn pieces_join_to_the_whole() {
        for data in [&b""[..], b"a", &[7; 1000]] {
            assert_eq!(pieces(data).concat(), data);
        }
    }
}
