//! What tests may change about the device work, faults among it. All of it is off by default and then costs
//! a branch per buffer, submission or dispatch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::lead::Tuning;
use super::problem::Limits;
use super::shader::ShaderEdit;

/// What tests may change about the device work.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct Testing {
    /// Fill every buffer with NaN bits first.
    pub poison: bool,
    /// Keep runtime checks and zero-initialised workgroup memory.
    pub checked: bool,
    /// A fault to plant in a shader.
    pub edit: Option<ShaderEdit>,
    /// Open the device with these limits where they are below the adapter's.
    pub limits: Option<Limits>,
    /// Other tile sizes than the table's.
    pub tuning: Option<Tuning>,
    /// Samples per slab, instead of what the device's speed suggests.
    pub slab: Option<usize>,
    /// How long a submission may take.
    pub timeout: Option<Duration>,
    /// A fault of the device.
    pub faults: Faults,
}

/// What goes wrong; numbers count from 1 over the life of a device.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no memory for the n-th buffer.
    Buffer(u32),
    /// There is no memory for any buffer of more bytes.
    BuffersAbove(u64),
    /// The device is destroyed after the n-th submission.
    Destroyed(u32),
    /// The driver reports at the n-th poll that the device is lost, which makes wgpu panic.
    Panic(u32),
    /// The n-th wait is in vain.
    Hang(u32),
    /// The n-th submission is never done.
    Submission(u32),
    /// The n-th dispatch of E-steps is never done.
    Dispatch(u32),
    /// The n-th E-step gives NaN for one sum of the component.
    NotANumber(u32, usize),
}

/// No fault, or one that all clones count together.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct Faults(Option<Arc<Planted>>);

#[derive(Debug)]
struct Planted {
    fault: Fault,
    seen: AtomicU32,
    fired: AtomicU32,
}

impl PartialEq for Faults {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Faults {}

impl Faults {
    /// Plants `fault`.
    pub fn plant(fault: Fault) -> Faults {
        Faults(Some(Arc::new(Planted { fault, seen: AtomicU32::new(0), fired: AtomicU32::new(0) })))
    }

    /// How often it struck: a fault that never does proves nothing.
    pub fn fired(&self) -> u32 {
        self.0.as_ref().map_or(0, |planted| planted.fired.load(Ordering::SeqCst))
    }

    /// Whether the fault strikes now; `turn` gives its number if this is its place.
    fn strikes(&self, turn: impl FnOnce(Fault) -> Option<u32>) -> bool {
        let Some(planted) = &self.0 else { return false };
        let Some(turn) = turn(planted.fault) else { return false };
        let strikes = planted.seen.fetch_add(1, Ordering::SeqCst) + 1 == turn;
        planted.fired.fetch_add(u32::from(strikes), Ordering::SeqCst);
        strikes
    }

    pub(super) fn no_memory(&self, bytes: u64) -> bool {
        if let Some(planted) = &self.0
            && matches!(planted.fault, Fault::BuffersAbove(most) if bytes > most)
        {
            planted.fired.fetch_add(1, Ordering::SeqCst);
            return true;
        }
        self.strikes(|fault| if let Fault::Buffer(n) = fault { Some(n) } else { None })
    }

    pub(super) fn loses_device(&self) -> bool {
        self.strikes(|fault| if let Fault::Destroyed(n) = fault { Some(n) } else { None })
    }

    /// Unwinds as wgpu does, without the message of a panic.
    pub(super) fn panic_in_driver(&self) {
        if self.strikes(|fault| if let Fault::Panic(n) = fault { Some(n) } else { None }) {
            std::panic::resume_unwind(Box::new("Error in Device::poll:\n  Parent device is lost".to_owned()));
        }
    }

    pub(super) fn hangs(&self) -> bool {
        self.strikes(|fault| if let Fault::Hang(n) = fault { Some(n) } else { None })
    }

    pub(super) fn drops_submission(&self) -> bool {
        self.strikes(|fault| if let Fault::Submission(n) = fault { Some(n) } else { None })
    }

    pub(super) fn drops_dispatch(&self) -> bool {
        self.strikes(|fault| if let Fault::Dispatch(n) = fault { Some(n) } else { None })
    }

    /// The component whose sums the E-step that just ran gets wrong.
    pub(super) fn spoiled_component(&self) -> Option<usize> {
        let mut spoiled = None;
        self.strikes(|fault| match fault {
            Fault::NotANumber(n, component) => {
                spoiled = Some(component);
                Some(n)
            }
            _ => None,
        })
        .then_some(spoiled)
        .flatten()
    }
}
