"""How well a run on generated master cartons counts, weighs, and finds what is not manifested.

    parcelscope synth feed --config configs/synth/hard.yaml --parcels 600 --seed 1 --out eval/hard
    parcelscope screen eval/hard --out runs/hard
    python benchmarks/master_cartons.py runs/hard eval/hard/truth

Prints the error of the count and the share of counts inside their interval by overlap, the
error of the mass, and the recall of cartons with unmanifested pieces at 1, 2 and 5 % false alarms,
by each indicator alone and by the carton's risk; 90 % bootstrap intervals. `--risk PART` adds the
risk of another fusion model, as `parcelscope train risk owner=carton` leaves it; `--replay` takes
what the stored findings of the detectors come to by the code and packs as they are now; with
`--without CODE` as if the packs had no entry that reports it.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.models.bundle import builtin_bundle_folder, load_bundle
from parcelscope.pipelines.evaluate import (
    FEW_PIECES,
    OVERLAP_BINS,
    Truth,
    check_same_feed,
    read_truth,
)
from parcelscope.pipelines.replay import PART, replay
from parcelscope.pipelines.run_folder import Run, read_run
from parcelscope.pipelines.set_risk import read_risk
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.fusion import fuse, strengths
from parcelscope.screening.indicator_pack import Indicators, load_indicators
from parcelscope.screening.indicators.evidence import SOURCE
from parcelscope.screening.uncalibrated import believed
from parcelscope.training.metrics import recall_above, resamplings

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

FALSE_ALARMS = (0.01, 0.02, 0.05)
REPEATS = 1000
LOW, HIGH = 5.0, 95.0
"""Percentiles of the bootstrap interval."""
SUBSETS: dict[str, pl.Expr] = {
    "all": pl.lit(value=True),
    "own weight declared (the extra pieces are in it)": pl.col("true_weight_declared"),
    "weight of the manifested pieces declared": ~pl.col("true_weight_declared"),
    "one piece more": pl.col("extra") == 1,
    "two or more": pl.col("extra") >= 2,
    f"up to {FEW_PIECES} pieces": pl.col("pieces_true") <= FEW_PIECES,
    f"more than {FEW_PIECES} pieces": pl.col("pieces_true") > FEW_PIECES,
}
"""Cartons with unmanifested pieces, of one kind; false alarms are of all compliant cartons."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--risk", type=Path, default=None)
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--without", metavar="CODE", default=None)
    arguments = parser.parse_args()
    if arguments.without is not None and not arguments.replay:
        parser.error("--without needs --replay: a run as it is stored had the code")
    run, truth = read_run(arguments.run), read_truth(arguments.truth)
    check_same_feed(run, truth, arguments.run, arguments.truth)
    card = run.card
    packs = [(pack.name, pack.version, pack.digest) for pack in card.indicator_packs or ()]
    if arguments.replay:
        now = load_indicators(ScreeningConfig.model_validate(card.config).indicator_packs)
        packs = [(pack.name, pack.version, pack.fingerprint) for pack in now.packs]
        again = replay(arguments.run, indicators=without(now, arguments.without))
        run = replace(run, cartons=again.window.cartons, findings=again.findings.drop(PART))
    print(f"bundle {card.bundle.name} {card.bundle.version} ({card.bundle.digest[:12]}), packs",
          ", ".join(f"{name} {version} ({digest[:12]})" for name, version, digest in packs),
    )  # fmt: skip
    bundle, digest = load_bundle(builtin_bundle_folder())
    if digest == card.bundle.digest:
        coverages = {one.count.coverage for one in bundle.detectors if one.count is not None}
        wanted = " and ".join(f"{100 * share:g} %" for share in sorted(coverages))
        print(f"intervals of the count are made to hold {wanted} of cartons")
    print()
    for part in (count_table(run, truth), mass_table(run, truth),
                 recall_table(run, truth, arguments.risk)):  # fmt: skip
        for line in part:
            print(line)
        print()


def without(indicators: Indicators, code: str | None) -> Indicators:
    """`indicators` save for the entries of packs that report `code`."""
    return Indicators(
        packs=tuple(
            replace(pack, rules=tuple(rule for rule in pack.rules if code not in rule.codes))
            for pack in indicators.packs
        )
    )


def count_table(run: Run, truth: Truth) -> Iterator[str]:
    """Error and coverage of the count, by overlap and by number of pieces."""
    counted = (
        run.findings.filter(pl.col("code") == "pieces.count")
        .join(truth.cartons, left_on="owner_id", right_on="carton_id", how="inner")
        .with_columns(
            (pl.col("observed") - pl.col("pieces_true")).alias("off"),
            (pl.col("observed") - pl.col("pieces_true")).abs().alias("error"),
            pl.col("pieces_true")
            .is_between(pl.col("observed_low").ceil(), pl.col("observed_high").floor())
            .cast(pl.Float64)
            .alias("inside"),
            (pl.col("observed_high") - pl.col("observed_low")).alias("width"),
        )
    )
    few = pl.col("pieces_true") <= FEW_PIECES
    groups: list[tuple[str, pl.Expr]] = [("all", pl.lit(value=True))]
    for low, high in OVERLAP_BINS:
        within = (pl.col("overlap_mean") >= low) & (pl.col("overlap_mean") < high)
        name = f"overlap {low:.1f} to {min(high, 1.0):.1f}"
        groups += [
            (name, within),
            (f"{name}, up to {FEW_PIECES} pieces", within & few),
            (f"{name}, more", within & ~few),
        ]
    yield "| cartons | n | count MAE | mean error | inside the interval | mean width |"
    yield "|---|---|---|---|---|---|"
    for name, chosen in groups:
        rows = counted.filter(chosen)
        if rows.is_empty():
            continue
        error, inside = (rows[c].to_numpy() for c in ("error", "inside"))
        yield (
            f"| {name} | {rows.height} | {_mean(error)} |"
            f" {rows['off'].mean():+.2f} | {_mean(inside)} |"
            f" {rows['width'].mean():.1f} |"
        )


def mass_table(run: Run, truth: Truth) -> Iterator[str]:
    """Error of the X-ray mass of cartons, by overlap."""
    rows = (
        run.findings.filter((pl.col("code") == "mass.total") & (pl.col("owner_kind") == "carton"))
        .join(truth.cartons, left_on="owner_id", right_on="carton_id", how="inner")
        .with_columns((pl.col("observed") / pl.col("mass_g") - 1).abs().alias("error"))
    )
    yield "| cartons | n | median error of the mass | inside the band |"
    yield "|---|---|---|---|"
    for low, high in ((0.0, 1.01), *OVERLAP_BINS):
        some = rows.filter((pl.col("overlap_mean") >= low) & (pl.col("overlap_mean") < high))
        if some.is_empty():
            continue
        error = some["error"].to_numpy()
        inside = some.select(
            pl.col("mass_g").is_between("observed_low", "observed_high").cast(pl.Float64)
        ).to_series()
        name = "all" if high - low > 1 else f"overlap {low:.1f} to {min(high, 1.0):.1f}"
        yield (
            f"| {name} | {some.height} |"
            f" {_interval(some.height, lambda rows, e=error: float(np.median(e[rows])))} |"
            f" {_mean(inside.to_numpy())} |"
        )


def recall_table(run: Run, truth: Truth, part: Path | None) -> Iterator[str]:
    """Recall of each indicator alone, and fused; then of kinds of cartons, fused."""
    cartons = truth.cartons.join(
        run.cartons.select("carton_id", "risk"), on="carton_id", how="inner"
    ).sort("carton_id")
    scores = carton_scores(run, cartons["carton_id"], part)
    scores["fused: the risk of the run"] = cartons["risk"].fill_null(0.0).to_numpy()
    positive = cartons["violative"].to_numpy()
    shares = " | ".join(f"recall at {100 * share:g} %" for share in FALSE_ALARMS)
    yield (f"{int(positive.sum())} of {positive.size} cartons hold pieces that are not manifested,")
    yield f"{int((cartons['extra'] == 1).sum())} of these just one."
    yield ""
    yield f"| by | speaks on compliant | on the others | {shares} |"
    yield "|---|---|---|" + "---|" * len(FALSE_ALARMS)
    for name, score in scores.items():
        speaks = score > 0
        alone = "fused" not in name
        often = (
            f"{speaks[~positive].mean():.3f} | {speaks[positive].mean():.3f}" if alone else " | "
        )
        yield f"| {name} | {often} | {' | '.join(_recalls(score, positive))} |"
    yield ""
    yield f"| fused, cartons with unmanifested pieces | n | {shares} |"
    yield "|---|---|" + "---|" * len(FALSE_ALARMS)
    for name, chosen in SUBSETS.items():
        keep = cartons.select(chosen | ~pl.col("violative")).to_series().to_numpy()
        for score_name in [one for one in scores if "fused" in one]:
            score = scores[score_name][keep]
            label = f"{name} ({score_name.partition(': ')[2]})" if part is not None else name
            yield (
                f"| {label} | {int(positive[keep].sum())} |"
                f" {' | '.join(_recalls(score, positive[keep]))} |"
            )


def carton_scores(run: Run, ids: pl.Series, part: Path | None) -> dict[str, Floats]:
    """(N,) strength of each indicator's code on each of `ids`, and the logit by the risk `part`."""
    config = ScreeningConfig.model_validate(run.card.config)
    taken = believed(run.findings.filter(pl.col("owner_kind") == "carton"), config.uncalibrated)
    strong = strengths(taken)
    codes = strengths(taken.filter(pl.col("source") == SOURCE))["code"].unique().sort()
    scores = {}
    for code in codes:
        own = strong.filter(pl.col("code") == code).select("owner_id", "strength")
        rows = pl.DataFrame({"owner_id": ids}).join(
            own, on="owner_id", how="left", maintain_order="left"
        )
        scores[str(code)] = rows["strength"].fill_null(0.0).to_numpy()
    if part is not None:
        fused = fuse(ids, strong, read_risk(part))
        scores[f"fused: the risk in {part.parent.name}"] = fused.risk["logit"].to_numpy()
    return scores


def _recalls(score: Floats, positive: npt.NDArray[np.bool_]) -> list[str]:
    def at(share: float) -> Callable[[Rows], float]:
        return lambda rows: recall_above(score[rows], positive[rows], false_alarms=share)

    return [_interval(len(score), at(share)) for share in FALSE_ALARMS]


def _mean(values: Floats) -> str:
    return _interval(len(values), lambda rows: float(values[rows].mean()))


def _interval(count: int, measure: Callable[[Rows], float]) -> str:
    """`measure` on all rows, and its 90 % bootstrap interval."""
    spread = np.array([measure(rows) for rows in resamplings(count, repeats=REPEATS)])
    low, high = np.nanpercentile(spread, [LOW, HIGH])
    return f"{measure(np.arange(count)):.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
