//! `wgmm devices`: what there is to compute on.

use clap::Args;
use serde_json::json;

use crate::exit::Outcome;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &DevicesArgs) -> Outcome {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if args.json {
        return output::print_json(&json!({
            "schema": "wgmm.devices/1",
            "version": env!("CARGO_PKG_VERSION"),
            "cpu": { "threads": threads },
            "adapters": adapters(),
        }));
    }
    output::print(format!("{}\ncpu: {threads} threads, f64\n", table()).as_bytes())
}

#[cfg(feature = "gpu")]
fn adapters() -> Vec<wgmm::internals::engine::gpu::AdapterSummary> {
    wgmm::internals::engine::gpu::adapters()
}

#[cfg(not(feature = "gpu"))]
fn adapters() -> [(); 0] {
    []
}

#[cfg(not(feature = "gpu"))]
fn table() -> String {
    "no graphics adapters: this program was built without the `gpu` feature".into()
}

#[cfg(feature = "gpu")]
fn table() -> String {
    let adapters = adapters();
    if adapters.is_empty() {
        return format!(
            "no graphics adapters were found: {}",
            wgmm::internals::engine::choose::INSTALL_DRIVER
        );
    }
    const MIB: u64 = 1 << 20;
    let header = ["index", "name", "interface", "type", "driver", "largest binding", "workgroup memory"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(adapters.iter().map(|a| {
        vec![
            a.index.to_string(),
            a.name.clone(),
            a.backend.clone(),
            a.device_type.clone(),
            a.driver.clone(),
            format!("{} MiB", a.max_binding_bytes / MIB),
            format!("{} KiB", a.workgroup_memory_bytes / 1024),
        ]
    }));
    output::align(&rows, output::Align::Left)
}
