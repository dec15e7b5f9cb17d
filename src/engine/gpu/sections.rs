//! Where the parameters of an E-step lie in their buffer.

use std::ops::Range;

use super::layout::PART_BYTES;
use super::step::Section;

/// The sections of the parameters, one after the other, and the number of the E-step behind them.
#[derive(Debug, Clone)]
pub struct Sections {
    sections: Vec<(Section, Range<usize>)>,
    /// The number of the E-step, u32.
    pub stamp: Range<usize>,
}

impl Sections {
    /// Lays out `sections`.
    pub fn new(sections: impl IntoIterator<Item = Section>) -> Sections {
        let mut end = 0;
        let mut next = |bytes: usize| {
            let start = end;
            end += bytes.next_multiple_of(PART_BYTES);
            start..start + bytes
        };
        let sections = sections.into_iter().map(|s| (s, next(s.floats * 4))).collect();
        Sections { sections, stamp: next(4) }
    }

    /// Every section with its place, bytes.
    pub fn iter(&self) -> impl Iterator<Item = &(Section, Range<usize>)> {
        self.sections.iter()
    }

    /// The place of the section of that name, bytes.
    pub fn find(&self, name: &str) -> Option<Range<usize>> {
        self.sections.iter().find(|(s, _)| s.name == name).map(|(_, place)| place.clone())
    }

    /// All of them.
    pub fn bytes(&self) -> usize {
        self.stamp.end
    }
}
