"""One peer on one case, in a process of its own: `worker.py PEER FOLDER WARMUP ITERS OUT.npz`.

Prints one JSON line: the middle and the least seconds per iteration, what its BLAS is. Every peer starts at the same mixture and
does warmup + iters iterations for the accuracy column; how each is timed stands in its function.
"""
import json
import sys
import time
import warnings

import numpy as np

from mixture import REG_COVAR, load

SECONDS = 1.5  # what one visit to a peer may spend on timing, beyond its first run


def triangle(d):
    """Indices of an upper triangle, and where each entry of a full matrix stands in it."""
    rows, columns = np.triu_indices(d)
    at = np.empty((d, d), dtype=np.int64)
    at[rows, columns] = at[columns, rows] = np.arange(len(rows))
    return rows, columns, at


class Features:
    """EM as two matrix products per block of samples. With phi(x) = (1, x, x_i x_j for i <= j; for diagonal
    covariances i = j alone) every weighted log density is linear in phi, and every moment is a weighted sum of
    phi: 4·K·F operations a sample, F = (D+1)(D+2)/2 or 2D+1. On standardised data, in f64."""

    def __init__(self, means, variances, mean, diagonal):
        self.scale, self.mean, self.diagonal = np.sqrt(variances), mean, diagonal
        k, d = means.shape
        if diagonal:
            self.rows = self.columns = np.arange(d)
        else:
            self.rows, self.columns, self.at = triangle(d)
        self.weights, self.means = np.full(k, 1 / k), (means - mean) / self.scale
        self.covariances = np.ones((k, d)) if diagonal else np.broadcast_to(np.eye(d), (k, d, d))

    def coefficients(self):
        """[F, K]: the log densities' coefficients of phi."""
        d = self.means.shape[1]
        if self.diagonal:
            linear = self.means / self.covariances
            constant = (np.log(self.weights) - 0.5 * d * np.log(2 * np.pi) - 0.5 * np.log(self.covariances).sum(1)
                        - 0.5 * (linear * self.means).sum(1))
            return np.concatenate([constant[:, None], linear, -0.5 / self.covariances], axis=1).T
        factors = np.linalg.cholesky(self.covariances)
        inverse = np.linalg.inv(self.covariances)
        linear = np.einsum("kij,kj->ki", inverse, self.means)
        constant = (np.log(self.weights) - 0.5 * d * np.log(2 * np.pi)
                    - np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
                    - 0.5 * (linear * self.means).sum(1))
        twice = np.where(self.rows == self.columns, 1.0, 2.0)
        quadratic = -0.5 * inverse[:, self.rows, self.columns] * twice
        return np.concatenate([constant[:, None], linear, quadratic], axis=1).T

    def update(self, sums):
        """New parameters from [K, F] sums of responsibilities times phi."""
        d = self.means.shape[1]
        count = sums[:, 0]
        self.weights, self.means = count / count.sum(), sums[:, 1:1 + d] / count[:, None]
        second = sums[:, 1 + d:] / count[:, None]
        if self.diagonal:
            self.covariances = second - self.means ** 2 + REG_COVAR / self.scale ** 2
            return
        second = second[:, self.at]
        self.covariances = second - self.means[:, :, None] * self.means[:, None, :]
        index = np.arange(d)
        self.covariances[:, index, index] += REG_COVAR / self.scale ** 2

    def result(self):
        scales = self.scale ** 2 if self.diagonal else np.outer(self.scale, self.scale)
        covariances = self.covariances * scales
        return self.weights, self.means * self.scale + self.mean, covariances

    def block_rows(self, budget=8e6):
        """Rows whose features and responsibilities take about `budget` bytes."""
        return max(256, int(budget / (8 * (len(self.rows) + 2 * len(self.weights)))))


def timed_steps(step, warmup, iters, reset, seconds=SECONDS):
    """Middle and least seconds of `iters` iterations after `warmup`, from the start, as often as time allows;
    the result is that of the first such run."""
    times, first, began = [], None, None
    while first is None or (time.perf_counter() - began < seconds and len(times) < 20_000):
        state = reset()
        for i in range(warmup + iters):
            t = time.perf_counter()
            step(state)
            if i >= warmup:
                times.append(time.perf_counter() - t)
        if first is None:
            first, began = state.result(), time.perf_counter()
    return [float(np.median(times)), min(times)], first


def numpy_features(x, start, warmup, iters):
    """Each iteration is timed: matrix products by BLAS, features and softmax by NumPy, feature-major. The block
    size is the fastest of a few, found before the timing."""
    means, variances, mean, diagonal = start
    columns = np.ascontiguousarray(((x - mean) / np.sqrt(variances)).T)
    d, n = columns.shape
    fresh = lambda: Features(means, variances, mean, diagonal)
    blocks = sorted({min(n, fresh().block_rows(budget)) for budget in (1e6, 4e6, 16e6, 32e6)})
    phi = np.empty((1 + d + len(fresh().rows), max(blocks)))
    phi[0] = 1

    def step(state, block):
        w = np.ascontiguousarray(state.coefficients().T)
        sums = np.zeros(w.shape)
        for at in range(0, n, block):
            here = columns[:, at:at + block]
            p = phi[:, :here.shape[1]]
            p[1:1 + d] = here
            row = 1 + d
            if diagonal:
                np.multiply(here, here, out=p[row:])
            for i in range(0 if diagonal else d):
                np.multiply(here[i:], here[i], out=p[row:row + d - i])
                row += d - i
            r = w @ p
            r -= r.max(0)
            np.exp(r, out=r)
            r /= r.sum(0)
            sums += r @ p.T
        state.update(sums)

    def least(block):
        return timed_steps(lambda state: step(state, block), 1, 2, fresh, seconds=0.2)[0][1]

    best = min(blocks, key=least)
    return timed_steps(lambda state: step(state, best), warmup, iters, fresh)


def torch_features(x, start, warmup, iters):
    """As numpy-features, by torch on its CPU threads."""
    import torch
    means, variances, mean, diagonal = start
    rows = torch.from_numpy((x - mean) / np.sqrt(variances))
    block = Features(means, variances, mean, diagonal).block_rows()

    def step(state):
        w = torch.from_numpy(state.coefficients())
        sums = torch.zeros(w.T.shape, dtype=torch.float64)
        for here in rows.split(block):
            phi = torch.cat([torch.ones_like(here[:, :1]), here, here[:, state.rows] * here[:, state.columns]], 1)
            sums += torch.softmax(phi @ w, 1).T @ phi
        state.update(sums.numpy())

    return timed_steps(step, warmup, iters, lambda: Features(means, variances, mean, diagonal))


def jax_features(x, start, warmup, iters):
    """As numpy-features, by one jitted function over all blocks; compiled before timing."""
    import jax
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    means, variances, mean, diagonal = start
    first = Features(means, variances, mean, diagonal)
    block = min(first.block_rows(), len(x))
    padded = -len(x) % block
    rows = np.concatenate([(x - mean) / np.sqrt(variances), np.zeros((padded, x.shape[1]))])
    rows = jnp.asarray(rows.reshape(-1, block, x.shape[1]))
    real = jnp.asarray((np.arange(rows.shape[0] * block) < len(x)).astype(np.float64).reshape(-1, block, 1))

    @jax.jit
    def sums(w):
        def add(total, data):
            here, real = data
            phi = jnp.concatenate([jnp.ones_like(here[:, :1]), here, here[:, first.rows] * here[:, first.columns]], 1)
            return total + (jax.nn.softmax(phi @ w, 1) * real).T @ phi, None
        return jax.lax.scan(add, jnp.zeros(w.T.shape), (rows, real))[0]

    sums(first.coefficients()).block_until_ready()
    return timed_steps(lambda state: state.update(np.asarray(sums(state.coefficients()))), warmup, iters,
                       lambda: Features(means, variances, mean, diagonal))


def scikit_learn(x, start, warmup, iters):
    """GaussianMixture.fit with few and with many iterations, in turns: the difference of their times over the
    difference of their iterations, so that checks of input and the start cancel."""
    from sklearn.mixture import GaussianMixture
    means, variances, _, diagonal = start
    k, d = means.shape
    precisions = np.stack([1 / variances if diagonal else np.diag(1 / variances)] * k)

    def fit(n_iter):
        model = GaussianMixture(k, covariance_type="diag" if diagonal else "full", tol=0.0, reg_covar=REG_COVAR, max_iter=n_iter,
                                init_params="random_from_data", random_state=0, weights_init=np.full(k, 1 / k),
                                means_init=means, precisions_init=precisions)
        t = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x)
        return time.perf_counter() - t, model

    took, model = fit(warmup + iters)
    result = model.weights_, model.means_, model.covariances_
    # Enough iterations that the difference is far above the noise of one fit.
    more = max(iters, int(0.4 / (took / (warmup + iters))))
    lows, highs, began = [], [], time.perf_counter()
    while not lows or time.perf_counter() - began < SECONDS:
        lows.append(fit(max(warmup, 1))[0])
        highs.append(fit(max(warmup, 1) + more)[0])
    # Differences of the middle and of the least times: the least of the differences would be noise.
    both = [(pick(highs) - pick(lows)) / more for pick in (np.median, min)]
    return both, result


PEERS = {"scikit-learn": scikit_learn, "numpy-features": numpy_features,
         "torch-features": torch_features, "jax-features": jax_features}


def main():
    peer, folder, warmup, iters, out = sys.argv[1:]
    x, *start = load(folder)
    x = np.ascontiguousarray(x, dtype=np.float64)
    (middle, least), (weights, means, covariances) = PEERS[peer](x, start, int(warmup), int(iters))
    np.savez(out, weights=weights, means=means, covariances=covariances)
    blas = []
    try:
        from threadpoolctl import threadpool_info
        for pool in threadpool_info():
            words = [pool.get("internal_api"), pool.get("version"), pool.get("architecture"),
                     f"{pool.get('num_threads')} threads"]
            blas.append(" ".join(str(word) for word in words if word))
    except ImportError:
        blas.append("unknown: threadpoolctl is not installed")
    print(json.dumps({"seconds": middle, "least": least, "blas": blas, "numpy": np.__version__}))


if __name__ == "__main__":
    main()
