"""Data, the f64 answer and distances: everything the peers are judged by.

The data are as those of `wgmm bench` (other random numbers): a random mixture whose neighbours overlap a
little, f32, C order; the start is K rows as means, weights 1/K, every covariance diag(var of the data).
"""
import json
from pathlib import Path

import numpy as np

CASES = {  # N, D, K
    "seed2d": (1_000, 2, 2),
    "small": (100_000, 2, 8),
    "tall2d": (10_000_000, 2, 16),
    "mid": (1_000_000, 16, 32),
    "big": (10_000_000, 16, 64),
    "wide": (1_000_000, 64, 64),
    "huge_k": (1_000_000, 16, 512),
    "xl": (50_000_000, 8, 32),
    "hd": (200_000, 128, 128),
    "diag": (1_000_000, 64, 64),
}
DIAGONAL = {"diag"}  # cases of diagonal covariances; the others' are full
REG_COVAR = 1e-6
ROWS = 1 << 15


def sizes(text):
    """(N, D, K) of `mid` or `mid:100000`."""
    name, _, rows = text.partition(":")
    n, d, k = CASES[name]
    return (int(float(rows)) if rows else n), d, k


def covariance_type(text):
    return "diag" if text.partition(":")[0] in DIAGONAL else "full"


def prepare(text, folder, seed=0):
    """Writes X.npy, start.npz and start.json of a case unless they are there; their folder."""
    n, d, k = sizes(text)
    here = Path(folder) / f"{text.partition(':')[0]}_{n}"
    if (here / "start.json").exists():
        return here
    here.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, d, k])
    weights = rng.uniform(0.5, 1.5, k)
    weights /= weights.sum()
    means = rng.normal(0, 2, d) + 5 / np.sqrt(2 * d) * k ** (1 / d) * rng.standard_normal((k, d))
    factors = np.empty((k, d, d))
    for factor in factors:
        axes, _ = np.linalg.qr(rng.standard_normal((d, d)))
        factor[:] = axes * np.sqrt(0.25 * 10 ** rng.uniform(0, 1, d))
    x = np.lib.format.open_memmap(here / "X.npy", mode="w+", dtype=np.float32, shape=(n, d))
    for at in range(0, n, ROWS):
        label = rng.choice(k, min(ROWS, n - at), p=weights)
        z = rng.standard_normal((len(label), d))
        for c in range(k):
            rows = label == c
            z[rows] = z[rows] @ factors[c].T + means[c]
        x[at:at + len(label)] = z
    x.flush()
    start = x[np.sort(rng.choice(n, k, replace=False))].astype(np.float64)
    variances = np.zeros(d)
    mean = np.mean(x, axis=0, dtype=np.float64)
    for at in range(0, n, ROWS):
        variances += ((x[at:at + ROWS].astype(np.float64) - mean) ** 2).sum(0) / n
    np.savez(here / "start.npz", means=start, variances=variances, mean=mean, covariance_type=covariance_type(text))
    covariances = np.stack([variances if covariance_type(text) == "diag" else np.diag(variances)] * k)
    with open(here / "start.json", "w") as file:
        json.dump({"covariance_type": covariance_type(text), "weights": [1 / k] * k, "means": start.tolist(),
                   "covariances": covariances.tolist()}, file)
    return here


def load(folder):
    """X (memory-mapped f32), and the start: means, variances and the mean of the data, and whether covariances
    are diagonal."""
    start = np.load(Path(folder) / "start.npz")
    return (np.load(Path(folder) / "X.npy", mmap_mode="r"), start["means"], start["variances"], start["mean"],
            str(start["covariance_type"]) == "diag")


def densities(x, weights, means, covariances):
    """ln w_k N(x) by Cholesky factors, f64, [rows, K]; diagonal covariances are [K, D]."""
    d = x.shape[1]
    out = np.empty((len(x), len(weights)))
    for k, (mean, covariance) in enumerate(zip(means, covariances)):
        if covariance.ndim == 1:
            roots = np.sqrt(covariance)
            y = ((x - mean) / roots).T
        else:
            factor = np.linalg.cholesky(covariance)
            roots = np.diag(factor)
            y = np.linalg.solve(factor, (x - mean).T)
        constant = np.log(weights[k]) - 0.5 * d * np.log(2 * np.pi) - np.log(roots).sum()
        out[:, k] = constant - 0.5 * (y * y).sum(0)
    return out


def log_sum_exp(values):
    top = values.max(1)
    return top + np.log(np.exp(values - top[:, None]).sum(1))


def mean_log_likelihood(x, mixture):
    total = 0.0
    for at in range(0, len(x), ROWS):
        total += log_sum_exp(densities(x[at:at + ROWS].astype(np.float64), *mixture)).sum()
    return total / len(x)


def answer(folder, n_iter):
    """The mixture after n_iter iterations, plainly in f64 about the current means; and the least effective
    count of every component. Cached."""
    path = Path(folder) / f"answer_{n_iter}.npz"
    if path.exists():
        found = np.load(path)
        return (found["weights"], found["means"], found["covariances"]), found["least"]
    x, means, variances, _, diagonal = load(folder)
    k, d = means.shape
    weights, covariances = np.full(k, 1 / k), np.stack([variances if diagonal else np.diag(variances)] * k)
    least = np.full(k, np.inf)
    for _ in range(n_iter):
        count, first, second = np.zeros(k), np.zeros((k, d)), np.zeros_like(covariances)
        for at in range(0, len(x), ROWS):
            rows = x[at:at + ROWS].astype(np.float64)
            log = densities(rows, weights, means, covariances)
            r = np.exp(log - log_sum_exp(log)[:, None])
            count += r.sum(0)
            for c in range(k):
                centred = rows - means[c]
                weighted = centred * r[:, c:c + 1]
                first[c] += weighted.sum(0)
                second[c] += (weighted * centred).sum(0) if diagonal else weighted.T @ centred
        shift = first / count[:, None]
        weights, means = count / count.sum(), means + shift
        if diagonal:
            covariances = second / count[:, None] - shift ** 2 + REG_COVAR
        else:
            covariances = second / count[:, None, None] - shift[:, :, None] * shift[:, None, :] + REG_COVAR * np.eye(d)
        least = np.minimum(least, count)
    np.savez(path, weights=weights, means=means, covariances=covariances, least=least)
    return (weights, means, covariances), least


def distances(found, expected, solid):
    """Largest errors of weights, of means in standard deviations and of whitened covariances (Frobenius over
    the root of D) over the `solid` components."""
    worst = [0.0, 0.0, 0.0]
    d = expected[1].shape[1]
    square = lambda covariance: np.diag(covariance) if covariance.ndim == 1 else covariance
    for k in np.flatnonzero(solid):
        factor = np.linalg.cholesky(square(expected[2][k]))
        shift = np.linalg.solve(factor, found[1][k] - expected[1][k])
        ratio = np.linalg.solve(factor, np.linalg.solve(factor, square(found[2][k])).T)
        errors = (abs(found[0][k] - expected[0][k]), np.linalg.norm(shift),
                  np.linalg.norm(ratio - np.eye(d)) / np.sqrt(d))
        worst = [max(w, e) if e == e else e for w, e in zip(worst, errors)]
    return worst
