"""`parcelscope bundle compare`: champion and challenger on one run, and which is better."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.errors import ConfigError, RunError, first_fault
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.writing import write_text_whole
from parcelscope.pipelines.run_folder import BundleName, Run, read_run
from parcelscope.pipelines.shadow import Shadow, read_shadow
from parcelscope.screening.config import AgreedMetric

FILE: Final = "compare.json"
FALSE_ALARMS: Final = 0.02
REPEATS: Final = 1000
"""Resamplings of a paired difference: a promotion hangs on the end of its interval."""
KEYS: Final[dict[OwnerKind, str]] = {"parcel": "parcel_id", "carton": "carton_id"}
WORDS: Final[dict[str, str]] = {"auroc": "AUROC", "recall": "recall at 2 % false alarms"}


class Agreement(BaseModel, frozen=True, extra="forbid"):
    """How far both say the same of the parcels, or the cartons, of a run."""

    owner_kind: OwnerKind
    compared: int
    """Owners with a risk by both."""
    same_band: float | None
    """Share of them in the same band, 0 to 1."""
    rank_correlation: float | None
    """Spearman's, of the risks."""
    risk_shift: tuple[float, float, float] | None
    """5 %, 50 % and 95 % quantile of challenger's risk less champion's."""
    flagged_by_both: int
    only_champion: tuple[str, ...]
    """Targeted by the champion alone; the random arm is left out."""
    only_challenger: tuple[str, ...]


class ScoreShift(BaseModel, frozen=True, extra="forbid"):
    """How the findings of one code moved."""

    code: str
    champion: int
    """Findings of the champion."""
    challenger: int
    shared: int
    """Images, or owners where a finding names none, that both have a finding on."""
    champion_score: float | None
    """Mean of the highest scores on what they share."""
    challenger_score: float | None


class Difference(BaseModel, frozen=True, extra="forbid"):
    """One metric of both against the truth, and the paired difference."""

    metric: AgreedMetric
    champion: float | None
    challenger: float | None
    difference: float | None
    """Challenger less champion; above 0 the challenger is better."""
    low: float | None
    high: float | None
    """95 % bootstrap interval of the difference, over the same resamplings for both."""
    positives: int
    negatives: int


class Evidence(BaseModel, frozen=True, extra="forbid"):
    """`compare.json`: what a promotion rests on."""

    format_version: Literal[1] = 1
    created: str
    run_id: str
    feed: str
    champion: BundleName
    challenger: BundleName
    agreed_metric: AgreedMetric
    """As the run's configuration had it."""
    truth: str | None
    agreements: tuple[Agreement, ...]
    shifts: tuple[ScoreShift, ...]
    differences: tuple[Difference, ...] = Field(default=())

    def agreed(self) -> Difference | None:
        """The agreed metric's difference, None without truth."""
        for difference in self.differences:
            if difference.metric == self.agreed_metric:
                return difference
        return None


def compare_bundles(run_folder: Path, truth: Path | None, out: Path | None) -> Evidence:
    """Champion and challenger of the run in `run_folder`; also written to `out`.

    Args:
        run_folder: A run screened with `--shadow`.
        truth: `truth` folder of its synthetic feed, or a table of outcomes as `train risk` reads
            it (`parcel_id` or `carton_id`, `violative`); without it no metric can be compared.
        out: File to write; `compare.json` in the run folder if None.

    Raises:
        RunError: If there is no challenger in the run, or the truth cannot be read or is of another
            feed.
        ConfigError: If the run's configuration names no known metric.
    """
    run, shadow = read_run(run_folder), read_shadow(run_folder)
    try:
        differences = () if truth is None else tuple(_differences(run, shadow, truth))
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"bundle compare --truth needs the eval extra, but {error.name} is not installed;"
            " install parcelscope[cpu,eval]"
        ) from None
    metric = run.card.config.get("agreed_metric", "parcels.recall")
    if metric not in get_args(AgreedMetric):
        raise ConfigError(f"{run_folder}: no agreed metric {metric!r}")
    evidence = Evidence(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        run_id=run.card.run_id,
        feed=run.card.feed,
        champion=run.card.bundle,
        challenger=shadow.card.bundle,
        agreed_metric=metric,
        truth=None if truth is None else str(truth),
        agreements=tuple(_agreement(run, shadow, kind) for kind in KEYS),
        shifts=tuple(_shifts(run.findings, shadow.findings)),
        differences=differences,
    )
    path = run_folder / FILE if out is None else out
    write_text_whole(path, evidence.model_dump_json(indent=1) + "\n")
    return evidence


def read_evidence(path: Path) -> Evidence:
    """The comparison in the file `path`.

    Raises:
        RunError: If it is none.
    """
    try:
        return Evidence.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunError(f"{path}: expected a comparison, got: {error.strerror}") from None
    except ValidationError as error:
        fault = first_fault(error.errors())
        raise RunError(
            f"{path}: expected what `parcelscope bundle compare` wrote: {fault}"
        ) from None


def describe_evidence(evidence: Evidence) -> Iterator[str]:
    """The comparison in lines for people."""
    yield f"champion    {_name(evidence.champion)}"
    yield f"challenger  {_name(evidence.challenger)}"
    for agreement in evidence.agreements:
        yield ""
        yield from _describe_agreement(agreement)
    yield ""
    yield "findings, champion -> challenger (mean of the highest scores where both have one)"
    for shift in evidence.shifts:
        scores = (
            ""
            if shift.champion_score is None or shift.challenger_score is None
            else f", score {shift.champion_score:.3f} -> {shift.challenger_score:.3f}"
        )
        yield f"  {shift.code:<22} {shift.champion:,} -> {shift.challenger:,}{scores}"
    yield ""
    if not evidence.differences:
        yield "no truth given: which of them is better cannot be said"
    for difference in evidence.differences:
        yield _describe_difference(difference, agreed=difference.metric == evidence.agreed_metric)


def metric_words(metric: AgreedMetric) -> str:
    """A metric in words: `parcels: recall at 2 % false alarms`."""
    kind, _, name = metric.partition(".")
    return f"{kind}: {WORDS[name]}"


def _agreement(run: Run, shadow: Shadow, kind: OwnerKind) -> Agreement:
    both = _both(run, shadow, kind)
    flagged = [
        set(flags.filter(pl.col("owner_kind") == kind, pl.col("arm") == "targeted")["owner_id"])
        for flags in (run.flags, shadow.flags)
    ]
    shift = both["challenger"] - both["champion"]
    correlation = (
        both.select(pl.corr("champion", "challenger", method="spearman")).item()
        if both.height > 1
        else None
    )
    low, middle, high = (_known(shift.quantile(q, "linear")) for q in (0.05, 0.5, 0.95))
    return Agreement(
        owner_kind=kind,
        compared=both.height,
        same_band=_known(both.select((pl.col("band") == pl.col("band_challenger")).mean()).item()),
        rank_correlation=_known(correlation),
        risk_shift=None if low is None or middle is None or high is None else (low, middle, high),
        flagged_by_both=len(flagged[0] & flagged[1]),
        only_champion=tuple(sorted(flagged[0] - flagged[1])),
        only_challenger=tuple(sorted(flagged[1] - flagged[0])),
    )


def _both(run: Run, shadow: Shadow, kind: OwnerKind) -> pl.DataFrame:
    """owner_id, champion, challenger (risks), band, band_challenger, where both have a risk."""
    key = KEYS[kind]
    champion, challenger = (
        (run.parcels, shadow.parcels) if kind == "parcel" else (run.cartons, shadow.cartons)
    )
    return (
        champion.drop_nulls("risk")
        .select(pl.col(key).alias("owner_id"), pl.col("risk").alias("champion"), "band")
        .join(
            challenger.drop_nulls("risk").select(
                pl.col(key).alias("owner_id"), pl.col("risk").alias("challenger"), "band"
            ),
            on="owner_id",
            suffix="_challenger",
        )
        .sort("owner_id")
    )


def _shifts(champion: pl.DataFrame, challenger: pl.DataFrame) -> Iterator[ScoreShift]:
    """One for each code that a model gives, in alphabetical order."""
    models = pl.col("source").str.starts_with("indicator").not_()
    ours, theirs = champion.filter(models), challenger.filter(models)
    place = ["code", "owner_kind", "owner_id", "image_path"]
    highest = [frame.group_by(place).agg(pl.col("score").max()) for frame in (ours, theirs)]
    shared = highest[0].join(highest[1], on=place, nulls_equal=True, suffix="_challenger")
    for code in sorted({*ours["code"], *theirs["code"]}):
        rows = shared.filter(pl.col("code") == code)
        yield ScoreShift(
            code=code,
            champion=ours.filter(pl.col("code") == code).height,
            challenger=theirs.filter(pl.col("code") == code).height,
            shared=rows.height,
            champion_score=_known(rows["score"].mean()),
            challenger_score=_known(rows["score_challenger"].mean()),
        )


def known_outcomes(path: Path, run: Run) -> dict[OwnerKind, pl.DataFrame]:
    """By kind of owner, id and `violative` of all whose outcome is known.

    A folder holds both kinds, and knows every parcel of its feed; of parcels in it only those count
    that were scanned by themselves. A table of outcomes holds one kind, as its columns say.

    Raises:
        RunError: If it cannot be read, or is of another feed.
    """
    from parcelscope.training.risk_outcomes import owners_of_table, read_truth_table

    if not path.is_dir():
        kind = owners_of_table(path)
        return {kind: _of_run(read_truth_table(path, kind), run, kind, path)}
    from parcelscope.pipelines.evaluate import check_same_feed, read_truth

    truth = read_truth(path)
    check_same_feed(run, truth, run.folder, path)
    return {"parcel": truth.parcels.filter("scanned"), "carton": truth.cartons}


def _of_run(outcomes: pl.DataFrame, run: Run, kind: OwnerKind, path: Path) -> pl.DataFrame:
    """`outcomes`, of which at least one must be of an owner of `run`."""
    ours = run.parcels if kind == "parcel" else run.cartons
    known = outcomes.join(ours, on=KEYS[kind], how="semi")
    if known.is_empty():
        raise RunError(
            f"{path}: expected outcomes of {kind}s of {run.folder}, got {outcomes.height:,} of"
            " which the run has none"
        )
    return known


def _differences(run: Run, shadow: Shadow, truth: Path) -> Iterator[Difference]:
    """Every metric of both, on the owners that both have a risk of and whose outcome is known."""
    from parcelscope.training.metrics import (
        Floats,
        area_under_roc,
        paired_difference,
        recall_above,
    )

    known = known_outcomes(truth, run)
    measures: dict[str, Callable[[Floats, npt.NDArray[np.bool_]], float]] = {
        "auroc": area_under_roc,
        "recall": partial(recall_above, false_alarms=FALSE_ALARMS),
    }
    for metric in get_args(AgreedMetric):
        kinds, _, name = metric.partition(".")
        kind: OwnerKind = "parcel" if kinds == "parcels" else "carton"
        if kind not in known:
            continue  # a table holds one kind; nothing can be said of the other
        rows = _both(run, shadow, kind).join(
            known[kind].select(pl.col(KEYS[kind]).alias("owner_id"), "violative"), on="owner_id"
        )
        positive = rows["violative"].to_numpy().astype(bool)
        before, after = (
            rows[who].to_numpy().astype(np.float64) for who in ("champion", "challenger")
        )
        figure = paired_difference(measures[name], before, after, positive, repeats=REPEATS)
        yield Difference(
            metric=metric,
            champion=_known(measures[name](before, positive) if len(positive) else None),
            challenger=_known(measures[name](after, positive) if len(positive) else None),
            difference=_known(figure.value),
            low=_known(figure.low),
            high=_known(figure.high),
            positives=int(positive.sum()),
            negatives=int((~positive).sum()),
        )


def _known(value: object) -> float | None:
    """`value` as a number, None where it is undefined: JSON has no NaN."""
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None


def _name(bundle: BundleName) -> str:
    return f"{bundle.name} {bundle.version}, digest {bundle.digest[:12]}…"


def _describe_agreement(agreement: Agreement) -> Iterator[str]:
    kind = agreement.owner_kind
    yield f"{kind}s: {agreement.compared:,} with a risk by both"
    if agreement.same_band is not None:
        yield f"  same band         {agreement.same_band:.1%}"
    if agreement.rank_correlation is not None:
        yield f"  rank correlation  {agreement.rank_correlation:.3f}"
    if agreement.risk_shift is not None:
        low, middle, high = agreement.risk_shift
        yield f"  risk shift        median {middle:+.3f}, 5 to 95 % from {low:+.3f} to {high:+.3f}"
    yield f"  flagged by both   {agreement.flagged_by_both:,}"
    for who, ids in (
        ("champion", agreement.only_champion),
        ("challenger", agreement.only_challenger),
    ):
        named = f": {', '.join(ids[:8])}{' …' if len(ids) > 8 else ''}" if ids else ""
        yield f"  only {who:<12} {len(ids):,}{named}"


def _describe_difference(difference: Difference, *, agreed: bool) -> str:
    mark = " (agreed)" if agreed else ""
    where = f"{metric_words(difference.metric)}{mark}"
    rests = f"{difference.positives:,} violative, {difference.negatives:,} compliant"
    if difference.difference is None or difference.low is None or difference.high is None:
        return f"{where}: cannot be said of {rests}"
    return (
        f"{where}: {difference.champion:.3f} -> {difference.challenger:.3f}, difference"
        f" {difference.difference:+.3f} ({difference.low:+.3f} to {difference.high:+.3f}), {rests}"
    )
