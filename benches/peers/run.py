#!/usr/bin/env python3
"""The peers' ratios: scikit-learn, our NumPy baseline and `wgmm bench` on the same file from the same start,
in turns (A B C A B C ...), with the accuracy of each.

    python run.py --cases seed2d,small,mid:100000,wide:20000 --wgmm ../../target/release/wgmm --data DIR

Prints a table in Markdown; --out writes everything as JSON. Needs requirements.txt; torch and jax rows
appear where those are installed.
"""
import argparse
import datetime
import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Held-back kernels are no comparison: every peer's BLAS chooses for itself.
HELD_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
MODULES = {"scikit-learn": "sklearn", "torch-features": "torch", "jax-features": "jax", "numpy-features": "numpy"}
OURS = "wgmm"


def environment(threads):
    env = {name: value for name, value in os.environ.items() if name not in HELD_BACK}
    env.update({name: str(threads) for name in THREADS})
    return env


def call(command, env):
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def visit_peer(peer, folder, a, env):
    out = folder / f"{peer}.npz"
    worker = [sys.executable, str(HERE / "worker.py")]
    text = call([*worker, peer, str(folder), str(a.warmup), str(a.iters), str(out)], env)
    return json.loads(text.splitlines()[-1])


def visit_wgmm(folder, a, env, covariance_type):
    common = ["--engine", "cpu", "--threads", str(a.threads)]
    text = call([a.wgmm, "bench", "--data", str(folder / "X.npy"), "--init", str(folder / "start.json"),
                 "--covariance", covariance_type, "--warmup", str(a.warmup), "--iters", str(a.iters), "--json", *common], env)
    report = json.loads(text)
    case = report["cases"][0]
    times = case["iteration"]
    return {"seconds": times["median"], "least": times["min"], "share": case["ceiling"]["share_of_fma"],
            "fma": case["ceiling"]["fma"], "machine": report["machine"], "commit": report.get("commit"),
            "kernels": case["engine"].get("kernels")}


def fit_wgmm(folder, a, env, k, covariance_type):
    """Where wgmm ends after the same iterations, for the accuracy columns."""
    import numpy as np
    out = folder / "wgmm.json"
    call([a.wgmm, "fit", str(folder / "X.npy"), "-k", str(k), "--covariance", covariance_type, "--init", str(folder / "start.json"), "--tol", "0",
          "--max-iter", str(a.warmup + a.iters), "--engine", "cpu", "--quiet", "-o", str(out)], env)
    model = json.loads(out.read_text())
    return tuple(np.asarray(model[name], dtype=np.float64) for name in ("weights", "means", "covariances"))


def middle(values):
    values = sorted(values)
    n = len(values)
    return 0.5 * (values[(n - 1) // 2] + values[n // 2])


def load_average():
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def measure(case, a, peers, env):
    import numpy as np
    import mixture
    n, d, k = mixture.sizes(case)
    kind = mixture.covariance_type(case)
    folder = mixture.prepare(case, a.data)
    rows = {peer: {"visits": []} for peer in peers}
    load = load_average()
    for turn in range(a.rounds):
        for peer in peers:
            visit = visit_wgmm(folder, a, env, kind) if peer == OURS else visit_peer(peer, folder, a, env)
            rows[peer]["visits"].append(visit)
            took, least = 1e3 * visit["seconds"], 1e3 * visit["least"]
            print(f"{case} turn {turn + 1} {peer}: {took:.4g} ms, least {least:.4g}", file=sys.stderr)
    expected, least = mixture.answer(folder, a.warmup + a.iters)
    x = np.load(folder / "X.npy", mmap_mode="r")
    log_likelihood = mixture.mean_log_likelihood(x, expected)
    solid = least >= 4 * d
    for peer, row in rows.items():
        times = [visit["seconds"] for visit in row["visits"]]
        row["ms"] = 1e3 * middle(times)
        row["ms_least"] = 1e3 * min(visit["least"] for visit in row["visits"])
        if peer == OURS:
            found = fit_wgmm(folder, a, env, k, kind)
        else:
            file = np.load(folder / f"{peer}.npz")
            found = tuple(file[name] for name in ("weights", "means", "covariances"))
        row["log_likelihood_error"] = abs(mixture.mean_log_likelihood(x, found) - log_likelihood)
        row["weights_error"], row["means_error"], row["covariances_error"] = mixture.distances(found, expected, solid)
    return {"n_samples": n, "n_features": d, "n_components": k, "thin": int((~solid).sum()),
            "load_average": [load, load_average()], "peers": rows}


def table(results, peers):
    """ms per iteration, how many times faster wgmm is (by the medians; by the least), and accuracy."""
    lines = ["| case | peer | ms per iteration: median of turns | least | wgmm is faster by (median; least) "
             "| LL error | means error, sd | covariances error | load average |", "|---|---|---|---|---|---|---|---|---|"]
    for case, result in results.items():
        rows = result["peers"]
        for peer in peers:
            row, ours = rows[peer], rows[OURS]
            ratio = f"{row['ms'] / ours['ms']:.2f} x; {row['ms_least'] / ours['ms_least']:.2f} x"
            thin = f" ({result['thin']} thin)" if result["thin"] else ""
            load = "-".join(map(str, result["load_average"]))
            lines.append(f"| {case} | {peer} | {row['ms']:.4g} | {row['ms_least']:.4g} | "
                         f"{'' if peer == OURS else ratio} | {row['log_likelihood_error']:.0e} | "
                         f"{row['means_error']:.0e} | {row['covariances_error']:.0e}{thin} | {load} |")
    return "\n".join(lines)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cases", default="seed2d,small,mid:100000,wide:20000")
    p.add_argument("--peers", default="scikit-learn,numpy-features,torch-features,jax-features")
    p.add_argument("--wgmm", default=str(HERE.parent.parent / "target" / "release" / "wgmm"))
    p.add_argument("--data", required=True, help="folder for the data (kept, and used again)")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--iters", type=int, default=5)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    p.add_argument("--out", help="JSON with every visit")
    a = p.parse_args()
    env = environment(a.threads)
    asked = a.peers.split(",")
    for peer in asked:
        if peer not in MODULES:
            p.error(f"unknown peer {peer}: {', '.join(MODULES)}")
    peers = [peer for peer in asked if importlib.util.find_spec(MODULES[peer])] + [OURS]
    left_out = [peer for peer in asked if peer not in peers]
    sys.path.insert(0, str(HERE))
    facts = {"schema": "wgmm.peers/1",
             "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ"),
             "command": "python " + " ".join(["run.py", *sys.argv[1:]]), "python": platform.python_version(),
             "threads": a.threads, "left_out": left_out, "warmup": a.warmup, "iters": a.iters, "rounds": a.rounds}
    results = {}
    for case in a.cases.split(","):
        results[case] = measure(case, a, peers, env)
        visits = {peer: row["visits"] for peer, row in results[case]["peers"].items()}
        ours = [visit for result in results.values() for visit in result["peers"][OURS]["visits"]]
        facts.update(machine=ours[0]["machine"], commit=ours[0]["commit"], fma_ceiling_f64=max(v["fma"] for v in ours),
                     blas={peer: rows[0].get("blas") for peer, rows in visits.items() if peer != OURS})
        if a.out:
            # After every case: a run that is cut short keeps what it has.
            Path(a.out).write_text(json.dumps({**facts, "cases": results}, indent=1) + "\n")
    print(json.dumps(facts, indent=1), file=sys.stderr)
    print(table(results, peers))


if __name__ == "__main__":
    main()
