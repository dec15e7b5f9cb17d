//! Facts about the machine and this process that belong to every figure.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::engine::cpu::processor_name;

/// What the figures were measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Name of the processor, else its architecture.
    pub cpu: String,
    /// Processors this process may use.
    pub cores: usize,
    /// Threads of the CPU engine and of the host's own steps.
    pub threads: usize,
    /// Operating system and architecture.
    pub system: String,
    /// Memory of the machine, bytes; `None` if the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_bytes: Option<u64>,
}

impl Machine {
    /// This machine.
    pub fn here() -> Machine {
        Machine {
            cpu: processor_name().into(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            threads: rayon::current_num_threads(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            memory_bytes: kib("/proc/meminfo", "MemTotal:"),
        }
    }
}

/// Most memory this process held since [`reset_peak`], bytes; `None` if the system does not tell.
pub fn peak_bytes() -> Option<u64> {
    kib("/proc/self/status", "VmHWM:")
}

/// Memory this process holds now, bytes.
pub fn resident_bytes() -> Option<u64> {
    kib("/proc/self/status", "VmRSS:")
}

/// Starts a new peak, if the system can do so (Linux).
pub fn reset_peak() {
    // Without it the peak covers the whole process: still an upper bound.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A line `name 123 kB` of a Linux status file, bytes.
fn kib(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// Now, as `2026-11-23T04:05:06Z`.
pub fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    date(seconds)
}

/// Seconds since 1970 as a date in UTC: days of the 400-year cycle that starts on 1 March.
fn date(seconds: u64) -> String {
    let (day, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (cycle, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = cycle * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(951_868_799), "2000-02-29T23:59:59Z");
        assert_eq!(date(1_795_406_706), "2026-11-23T04:05:06Z");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory() {
        let here = Machine::here();
        assert!(here.cores >= 1 && here.memory_bytes.is_some_and(|bytes| bytes > 1 << 20), "{here:?}");
        assert!(peak_bytes() > Some(1 << 16) && resident_bytes() > Some(1 << 16));
    }
}
