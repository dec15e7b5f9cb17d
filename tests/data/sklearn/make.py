"""Makes the files of this folder: models that scikit-learn fitted, as numpy.savez writes them, and what
scikit-learn answers about them. Run in this folder; the versions are stored in expected.json.

    pip install numpy==2.4.6 scikit-learn==1.9.1
    python make.py
"""

import json
import platform

import numpy as np
import sklearn
from sklearn.mixture import GaussianMixture

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
iris = np.genfromtxt("../iris.csv", delimiter=",", skip_header=1)
# Ordinary rows, one between the species and one far away.
rows = np.vstack([iris[[0, 50, 70, 100, 118]], [[5.5, 3.0, 2.6, 0.8], [50.0, -30.0, 100.0, 1000.0]]])
cases = {}


def save(name, gm, save=np.savez, **changed):
    """The line of the documentation: every fitted attribute, and the covariance type."""
    fitted = {n: v for n, v in vars(gm).items() if n.endswith("_") and n != "feature_names_in_"}
    save(f"{name}.npz", covariance_type=gm.covariance_type, **(fitted | changed))


def case(name, gm):
    sampled, labels = gm.sample(40)
    cases[name] = {
        "covariance_type": gm.covariance_type,
        "score_samples": gm.score_samples(rows).tolist(),
        "predict": gm.predict(rows).tolist(),
        "predict_proba": gm.predict_proba(rows).tolist(),
        "precisions": gm.precisions_.tolist(),
        "precisions_cholesky": gm.precisions_cholesky_.tolist(),
        "score": float(gm.score(iris)),
        "bic": float(gm.bic(iris)),
        "aic": float(gm.aic(iris)),
        "sampled": sampled.tolist(),
        "sampled_labels": labels.tolist(),
        "sampled_predict": gm.predict(sampled).tolist(),
    }


for covariance_type in ["full", "tied", "diag", "spherical"]:
    gm = GaussianMixture(3, covariance_type=covariance_type, tol=1e-6, max_iter=500, random_state=0).fit(iris)
    save(covariance_type, gm)
    case(covariance_type, gm)

# What else such files may hold: compressed, in Fortran order, with the pickled names that a data frame leaves.
gm = GaussianMixture(3, tol=1e-6, max_iter=500, random_state=0).fit(iris)
case("odd", gm)
save(
    "odd",
    gm,
    np.savez_compressed,
    means_=np.asfortranarray(gm.means_),
    covariances_=np.asfortranarray(gm.covariances_),
    feature_names_in_=np.array(FEATURES, dtype=object),
)
# Single precision, big endian.
gm = GaussianMixture(3, covariance_type="diag", tol=1e-4, max_iter=500, random_state=0).fit(iris.astype("f4"))
save("single", gm, weights_=gm.weights_.astype(">f4"))

versions = {"python": platform.python_version(), "numpy": np.__version__, "scikit-learn": sklearn.__version__}
with open("expected.json", "w") as out:
    json.dump({"versions": versions, "rows": rows.tolist(), "cases": cases}, out, indent=1)
    out.write("\n")
