"""Fraud in the public Korean import declarations, on test rows seen and unseen in training apart.

The set (Jeong et al. 2022, made by a CTGAN of inspected declarations) repeats itself: most pairs of
net mass and item price in the test months stand in the training months too, nearly always with the
same label. A model that remembers them looks good on the mixed test set and has learned nothing
that carries over, so the two kinds of rows are never mixed here.

    python benchmarks/korean_declarations.py FOLDER

FOLDER holds df_syn_train_eng.csv and df_syn_test_eng.csv. A minute on two cores.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from parcelscope.training.metrics import Figure, Rows, bootstrap

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]

REPEATED = ["Net Mass", "Item Price"]
"""Two numbers with decimals that no two shipments should share."""
CODES = [
    "Office ID", "Process Type", "Import Type", "Import Use", "Payment Type", "Mode of Transport",
    "HS6 Code", "Country of Departure", "Country of Origin", "Tax Rate", "Tax Type",
    "Country of Origin Indicator",
]  # fmt: skip
PARTIES = ["Declarant ID", "Importer ID", "Seller ID", "Courier ID"]
BUDGET = 0.05
SEED = 0


def main() -> None:
    """Print precision at the budget and AUROC of each model, on seen and on unseen rows."""
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/korean_declarations.py FOLDER")
    train, test = (read(Path(sys.argv[1]), part) for part in ("train", "test"))
    known = train.select(REPEATED).unique().with_columns(pl.lit(value=True).alias("seen"))
    seen = (
        test.join(known, on=REPEATED, how="left", maintain_order="left")["seen"]
        .fill_null(value=False)
        .to_numpy()
    )
    fraud = labels(test)
    print(f"train {len(train):,} rows, {labels(train).mean():.1%} fraud; seed {SEED}")
    for name, rows in (("seen", seen), ("unseen", ~seen)):
        print(f"test rows {name}: {rows.sum():,}, {fraud[rows].mean():.1%} fraud")
    print(f"\n{'model':<44}{'rows':<8}{f'precision at {BUDGET:.0%}':<26}AUROC")
    for model, score in scores(train, test):
        for name, rows in (("seen", seen), ("unseen", ~seen)):
            at_budget = precision_at_budget(score[rows], fraud[rows])
            area = auroc(score[rows], fraud[rows])
            print(f"{model:<44}{name:<8}{told(at_budget):<26}{told(area)}", flush=True)


def scores(train: pl.DataFrame, test: pl.DataFrame) -> list[tuple[str, Floats]]:
    """Each model's name and its scores of the test rows."""
    learned: list[tuple[str, Floats]] = [
        ("lookup of (HS6, mass, price) in training", lookup(train, test))
    ]
    for told_of, columns in (("no parties", CODES), ("with parties", CODES + PARTIES)):
        x, y, x_test = encoded(train, test, columns)
        logistic = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        trees = HistGradientBoostingClassifier(
            max_iter=200, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=60,
            l2_regularization=5.0, random_state=SEED,
        )  # fmt: skip
        for name, model in (("logistic regression", logistic), ("gradient boosting", trees)):
            model.fit(x, y)
            learned.append((f"{name}, {told_of}", model.predict_proba(x_test)[:, 1]))
    return learned


def lookup(train: pl.DataFrame, test: pl.DataFrame) -> Floats:
    """Fraud rate of the training rows with the same tariff number, mass and price.

    It knows nothing else: rows without such a row share one score, in an order left to chance.
    """
    keys = ["HS6 Code", *REPEATED]
    rate = train.group_by(keys).agg(pl.col("Fraud").mean().alias("rate"))
    found = test.join(rate, on=keys, how="left", maintain_order="left")["rate"]
    base = float(labels(train).mean())
    noise = np.random.default_rng(SEED).uniform(0, 1e-9, len(test))
    return found.fill_null(base).to_numpy() + noise


def encoded(
    train: pl.DataFrame, test: pl.DataFrame, columns: list[str]
) -> tuple[Floats, Labels, Floats]:
    """Features of the training rows, their labels, and features of the test rows.

    Codes become the smoothed fraud rate of their training rows, cross-fitted so that no row sees
    its own label; numbers become logarithms, and price per kilogram is added.
    """
    y = labels(train)
    encoder = TargetEncoder(target_type="binary", smooth="auto", cv=5, random_state=SEED)
    told = [frame.select(columns).to_numpy() for frame in (train, test)]
    with warnings.catch_warnings():
        # scikit-learn 1.9 wants the folds as a splitter, which earlier releases do not take.
        warnings.simplefilter("ignore", FutureWarning)
        rates = encoder.fit_transform(told[0], y), encoder.transform(told[1])
    x, x_test = (
        np.column_stack([rate, numbers(frame)])
        for rate, frame in zip(rates, (train, test), strict=True)
    )
    return x, y, x_test


def numbers(frame: pl.DataFrame) -> Floats:
    """(N, 3) logarithms of mass, price and price per kilogram."""
    mass, price = (np.log(frame[name].to_numpy() + 0.1) for name in REPEATED)
    return np.column_stack([mass, price, price - mass])


def precision_at_budget(score: Floats, fraud: Labels) -> Figure:
    """Share of frauds among the `BUDGET` of rows that score highest."""

    def measure(rows: Rows) -> float:
        most = max(1, round(BUDGET * len(rows)))
        chosen = rows[np.argsort(-score[rows], kind="stable")[:most]]
        return float(fraud[chosen].mean())

    return bootstrap(len(score), measure, seed=SEED)


def auroc(score: Floats, fraud: Labels) -> Figure:
    """Area under the ROC curve."""

    def measure(rows: Rows) -> float:
        return float(roc_auc_score(fraud[rows], score[rows]))

    return bootstrap(len(score), measure, seed=SEED, repeats=100)


def told(figure: Figure) -> str:
    """A figure with its 95 % interval."""
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def labels(frame: pl.DataFrame) -> Labels:
    """Which rows are fraud."""
    fraud: Labels = frame["Fraud"].to_numpy().astype(bool)
    return fraud


def read(folder: Path, part: str) -> pl.DataFrame:
    """The rows of one part, codes as text."""
    text = dict.fromkeys([*CODES, *PARTIES], pl.String())
    frame = pl.read_csv(folder / f"df_syn_{part}_eng.csv", schema_overrides=text)
    return frame.with_columns(pl.col([*CODES, *PARTIES]).fill_null("none"))


if __name__ == "__main__":
    main()
