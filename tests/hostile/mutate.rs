//! Files that are nearly right: seeded mutations of a corpus.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers at and beyond the edges of what readers expect.
const EXTREMES: [&str; 22] = [
    "1e999",
    "-1e999",
    "1e-999",
    "5e-324",
    "1e308",
    "-1e308",
    "1e154",
    "nan",
    "inf",
    "-0",
    "0",
    "-1",
    "",
    "4294967296",
    "18446744073709551616",
    "9223372036854775807",
    "1.2.3",
    "0x1F",
    "1_0",
    "null",
    "[]",
    "1,5",
];
/// Parts of headers and separators.
const TOKENS: [&str; 26] = [
    "'descr'",
    "'shape'",
    "<f8",
    ">f4",
    "<f2",
    "|b1",
    "<i8",
    "<U3",
    "|O",
    "True",
    "(1,)",
    "(2, 3)",
    "()",
    "\0",
    "\r",
    "\n",
    ",",
    ";",
    "\t",
    "\"",
    "\u{feff}",
    "\"weights\"",
    "\"full\"",
    "{",
    "]",
    "\x1b[2J",
];

pub struct Mutator<'a> {
    rng: ChaCha8Rng,
    corpus: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    pub fn new(seed: u64, corpus: &'a [Vec<u8>]) -> Self {
        assert!(!corpus.is_empty());
        Mutator { rng: ChaCha8Rng::seed_from_u64(seed), corpus }
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())].clone()
    }

    /// A place from 0 to `end`, both included.
    fn place(&mut self, end: usize) -> usize {
        self.rng.random_range(0..=end)
    }

    /// A file of the corpus with one to three mutations.
    pub fn mutant(&mut self) -> Vec<u8> {
        let mut bytes = self.pick(self.corpus);
        for _ in 0..self.rng.random_range(1..=3) {
            self.mutate(&mut bytes);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let (a, b) = (self.place(bytes.len()), self.place(bytes.len()));
        let range = a.min(b)..a.max(b);
        match self.rng.random_range(0..8) {
            0 if a < bytes.len() => bytes[a] ^= 1 << self.rng.random_range(0..8),
            1 => bytes.truncate(a),
            2 => drop(bytes.drain(range)),
            3 => {
                let copy = bytes[range].to_vec();
                bytes.splice(b..b, copy);
            }
            4 => {
                let other = self.pick(self.corpus);
                let from = self.place(other.len());
                bytes.truncate(a);
                bytes.extend(&other[from..]);
            }
            5 => {
                let token = self.pick(&TOKENS);
                bytes.splice(a..a, token.bytes());
            }
            // Numbers most: they are what the files are made of.
            _ => {
                let is_number = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e');
                let Some(start) = (a..bytes.len()).find(|&i| bytes[i].is_ascii_digit()) else { return };
                let len = bytes[start..].iter().take_while(|b| is_number(b)).count();
                let extreme = self.pick(&EXTREMES);
                bytes.splice(start..start + len, extreme.bytes());
            }
        }
    }
}

/// The same seed gives the same files on every machine.
#[test]
fn mutants_are_the_same_in_every_run() {
    let corpus = [b"a,b\n1,2\n".to_vec(), b"3;4\n".to_vec()];
    let mutants = |seed| {
        let mut mutator = Mutator::new(seed, &corpus);
        (0..100).map(|_| mutator.mutant()).collect::<Vec<_>>()
    };
    assert_eq!(mutants(1), mutants(1));
    assert_ne!(mutants(1), mutants(2));
}
