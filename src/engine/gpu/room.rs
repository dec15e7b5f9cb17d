//! How much of the work a device takes at a time.

use super::plan::Plan;

/// How long slabs may be on a device that ran out of memory. Their length changes no bit of any result.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Samples per slab at most; 0: as many as the plan likes.
    pub(super) most: usize,
    /// Those of the plan in use, and the fewest it allows.
    used: usize,
    unit: usize,
}

impl Room {
    /// Cuts `plan` to what there is room for.
    pub(super) fn fit(&mut self, plan: &mut Plan) {
        let unit = plan.slab_unit();
        if self.most > 0 {
            plan.max_slab = plan.max_slab.min((self.most / unit).max(1) * unit);
        }
        (self.used, self.unit) = (plan.max_slab, unit);
    }

    /// Whether half as much can be tried.
    pub(super) fn halve(&mut self) -> bool {
        let can = self.used > self.unit;
        if can {
            self.most = self.used / 2;
        }
        can
    }
}
