//! SIGINT and SIGTERM: a fit or a sweep ends after its iteration and keeps what it has; a second signal, and
//! anything else, ends at once. Unfinished files are removed in either case.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use wgmm::internals::output::remove_unfinished;

use crate::talk::say;

/// The number it has everywhere.
const SIGINT: i32 = 2;

/// The first signal that came; 0 is none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// Whether the first signal is left to [`arrived`].
static DEFERRED: AtomicBool = AtomicBool::new(false);

/// From here on signals are seen.
#[cfg(unix)]
pub(crate) fn listen() {
    use signal_hook::consts::{SIGTERM, SIGXFSZ};

    // Without handlers the signals end the program at once, as they do by default.
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGXFSZ]) else { return };
    let _ = std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            // A limit on the size of files shows when the file is written, as a full disk does.
            if signal != SIGXFSZ {
                act(signal, signal_hook::low_level::exit);
            }
        }
    });
}

/// From here on Ctrl-C is seen.
#[cfg(windows)]
pub(crate) fn listen() {
    let _ = ctrlc::set_handler(|| act(SIGINT, std::process::exit));
}

/// From here on the first signal only asks to stop; [`arrived`] tells.
pub(crate) fn defer() {
    DEFERRED.store(true, Ordering::SeqCst);
}

/// The first signal, if one came after [`defer`].
pub(crate) fn arrived() -> Option<i32> {
    Some(SIGNAL.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
}

/// What a shell shows for a program that `signal` ended.
pub(crate) fn code(signal: i32) -> u8 {
    128u8.saturating_add(u8::try_from(signal).unwrap_or(0))
}

/// The signal's name.
pub(crate) fn name(signal: i32) -> &'static str {
    if signal == SIGINT { "SIGINT" } else { "SIGTERM" }
}

fn act(signal: i32, exit: fn(i32) -> !) {
    let first = SIGNAL.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    if first && DEFERRED.load(Ordering::SeqCst) {
        say("stopping after this iteration, and keeping what there is; once more stops at once");
    } else {
        remove_unfinished();
        exit(code(signal).into());
    }
}
