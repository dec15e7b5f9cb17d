//! [`PartSums`]: sums over parts of the rows, added in one fixed binary tree.
//!
//! Rows are cut into parts whose length is a power of two, by row number and shape alone. Part `i` of length 2^l holds
//! the rows from i·2^l: it is the node (l, i) of a tree in which nodes (l, 2i) and (l, 2i+1) are added to (l+1, i). The
//! last part may be short. Whoever adds, and in whichever groups, adds the same pairs: one engine, several engines over
//! consecutive parts, cards and machines give the same bits.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::mixture::moments::Moments;

/// What an engine's sums mean: how they become [`Moments`] once all are added.
pub trait SumLayout: Send + Sync {
    /// Sums with equal names add number by number: the name holds all that decides their meaning.
    fn name(&self) -> &str;

    /// The moments of raw sums.
    fn moments(&self, sums: &[f64]) -> Moments;
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    /// log2 of its rows.
    level: u32,
    /// Its first row, in units of its rows.
    index: usize,
    sums: Vec<f64>,
}

impl Node {
    /// Whether `next` is added to this one on the way to the root.
    fn takes(&self, next: &Node) -> bool {
        self.level == next.level && self.index.is_multiple_of(2) && self.index + 1 == next.index
    }
}

/// Sums that belong together.
enum Run {
    /// Nodes in the order of their rows, none of which can be added to the one before it yet.
    Nodes(Arc<dyn SumLayout>, Vec<Node>),
    /// An engine's own sum of its rows.
    Whole(Moments),
}

/// The sums of one E-step over consecutive rows, as far as they are added.
#[derive(Default)]
pub struct PartSums {
    runs: Vec<Run>,
}

impl From<Moments> for PartSums {
    fn from(moments: Moments) -> Self {
        PartSums { runs: vec![Run::Whole(moments)] }
    }
}

impl PartSums {
    /// Adds the sums of the next part: the 2^`level` rows from number `index`·2^`level`, or those of them that there
    /// are.
    pub fn push(&mut self, layout: &Arc<dyn SumLayout>, level: u32, index: usize, sums: Vec<f64>) {
        let node = Node { level, index, sums };
        match self.runs.last_mut() {
            Some(Run::Nodes(own, nodes)) if own.name() == layout.name() => join(nodes, node),
            _ => self.runs.push(Run::Nodes(Arc::clone(layout), vec![node])),
        }
    }

    /// Adds the sums of the rows that follow these.
    pub fn append(&mut self, next: PartSums) {
        for run in next.runs {
            match run {
                Run::Nodes(layout, nodes) => {
                    nodes.into_iter().for_each(|n| self.push(&layout, n.level, n.index, n.sums));
                }
                whole => self.runs.push(whole),
            }
        }
    }

    /// Checks that every sum is a finite number.
    ///
    /// # Errors
    /// [`Error::NonFiniteResult`].
    pub(crate) fn check_finite(&self) -> Result<()> {
        let is_finite = |run: &Run| match run {
            Run::Nodes(_, nodes) => nodes.iter().flat_map(|node| &node.sums).all(|sum| sum.is_finite()),
            Run::Whole(m) => {
                let sums = [&m.effective_counts, &m.first_moments, &m.second_moments];
                m.log_likelihood.is_finite() && sums.into_iter().flatten().all(|sum| sum.is_finite())
            }
        };
        if self.runs.iter().all(is_finite) {
            return Ok(());
        }
        let what = "a sum is no finite number".into();
        Err(Error::NonFiniteResult { stage: "the E-step", iteration: None, what })
    }

    /// All of it. Sums of one layout are added as they are, the moments of different engines after that. None if there
    /// were no rows.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] for sums of different mixtures.
    pub fn total(self) -> Result<Option<Moments>> {
        let mut total: Option<Moments> = None;
        for run in self.runs {
            let moments = match run {
                Run::Whole(moments) => moments,
                Run::Nodes(layout, nodes) => layout.moments(&root(nodes)),
            };
            match &mut total {
                Some(total) => total.add(&moments)?,
                None => total = Some(moments),
            }
        }
        Ok(total)
    }
}

/// Appends `node` and adds what can be added.
fn join(nodes: &mut Vec<Node>, mut node: Node) {
    while nodes.last().is_some_and(|last| last.takes(&node)) {
        let Some(mut left) = nodes.pop() else { break };
        add(&mut left.sums, &node.sums);
        node = Node { level: left.level + 1, index: left.index / 2, sums: left.sums };
    }
    nodes.push(node);
}

/// What is left of a tree whose number of parts is no power of two: the last is the smallest and comes first.
fn root(mut nodes: Vec<Node>) -> Vec<f64> {
    let mut sums = nodes.pop().map(|node| node.sums).unwrap_or_default();
    while let Some(mut node) = nodes.pop() {
        add(&mut node.sums, &sums);
        sums = node.sums;
    }
    sums
}

fn add(to: &mut [f64], from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
}
