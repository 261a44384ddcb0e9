//! One function per parser that takes any bytes and must hold what it promises.
//!
//! A target panics when a promise is broken: pieces read as the whole does, what was written reads
//! back, nothing gets into a line of the wire that is not one. `cargo test -p netreq-fuzz` runs each
//! over its corpus and a fixed number of mutations on a stable compiler; `fuzz/libfuzzer` runs the
//! same functions under libFuzzer. What breaks one is kept in `fuzz/corpus/NAME`.

#![forbid(unsafe_code)]

pub mod mutation;
pub mod targets;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use mutation::Mutator;

/// A parser under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Names its module, its corpus and its libFuzzer binary.
    pub name: &'static str,
    /// Panics on an input that breaks a promise.
    pub run: fn(&[u8]),
    /// Words of its grammar, for the mutations.
    pub dictionary: &'static [&'static str],
}

impl Target {
    /// The inputs kept for it, in the order of their file names.
    ///
    /// # Panics
    ///
    /// When there are none or they cannot be read.
    pub fn corpus(&self) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name);
        let entries = fs::read_dir(&folder).unwrap_or_else(|cause| panic!("{folder:?}: {cause}"));
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{folder:?} is empty");
        let read = |path| fs::read(path).unwrap_or_else(|cause| panic!("{path:?}: {cause}"));
        paths.iter().map(read).collect()
    }

    /// Runs it over its corpus, the empty input and `mutations` more.
    ///
    /// # Panics
    ///
    /// When the target does; the message holds the input, ready for a file in the corpus.
    pub fn check(&self, mutations: u32) {
        let corpus = self.corpus();
        let mut mutator = Mutator::new(SEED, &corpus, self.dictionary);
        self.try_one(b"");
        corpus.iter().for_each(|input| self.try_one(input));
        for _ in 0..mutations {
            self.try_one(&mutator.input());
        }
    }

    fn try_one(&self, input: &[u8]) {
        if catch_unwind(|| (self.run)(input)).is_err() {
            panic!("{} breaks a promise on b\"{}\"", self.name, input.escape_ascii());
        }
    }
}

const SEED: u64 = 1;
