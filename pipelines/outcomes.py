"""What came of flags: rates by arm, rates among all, delay, and whether all are treated alike."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.datasets.records import OwnerKind
from parcelscope.pipelines.judgement import Unjudged
from parcelscope.pipelines.outcomes_decisions import Decided
from parcelscope.pipelines.outcomes_uniformity import (
    By,
    Compared,
    Delay,
    Drift,
    agreement_of,
    compared_by,
    delay_of,
    drift_of,
)
from parcelscope.screening import outcome_metrics as metrics
from parcelscope.screening.outcome_metrics import RISK_EDGES, Estimate, Exams, too_few
from parcelscope.screening.outcome_uniformity import Agreement

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ARMS: Final = ("targeted", "uncertain", "random", "with_carton")
PER: Final = 1_000
"""Yield is told per so many exams."""
MIN_BIN_EXAMS: Final = 10
MIN_CALIBRATION_EXAMS: Final = 50

KindWord = Literal["parcels", "master cartons"]
WORDS: Final[dict[OwnerKind, KindWord]] = {"parcel": "parcels", "carton": "master cartons"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFigures:
    """What one arm came to."""

    arm: str
    referred: int
    """Parcels or cartons that were to be examined."""
    examined: int
    violations: int
    hours: float | None
    """Officer-hours of its exams; None where no row tells minutes or times."""
    precision: Estimate
    """Share of its exams that found a violation."""
    recall: Estimate
    """Share of all violations, found or not, that it found."""
    kind_words: KindWord = "parcels"

    @property
    def per_thousand(self) -> Estimate:
        """Violations found per 1,000 exams."""
        return self.precision.times(PER)

    @property
    def per_hour(self) -> float | None:
        """Violations found per officer-hour."""
        return self.violations / self.hours if self.hours else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Exams of about one risk."""

    low: float
    high: float
    risk: float
    """Mean, weighted."""
    found: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFigures:
    """All about the parcels, or the cartons."""

    kind: OwnerKind
    population: int
    arms: tuple[ArmFigures, ...]
    together: ArmFigures
    prevalence: Estimate
    calibration: tuple[CalibrationBin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Everything that the decisions say about the runs."""

    decided: Decided
    kinds: tuple[KindFigures, ...]
    delay: Delay | None
    compared: tuple[Compared, ...]
    agreement: Agreement | None
    drift: tuple[Drift, ...]
    unjudged: tuple[Unjudged, ...]


def judge_outcomes(decided: Decided) -> Outcomes:
    """The figures of `decided`; what has too few exams is told as not assessed."""
    unjudged: list[Unjudged] = []
    kinds: list[KindFigures] = []
    for kind in WORDS:
        frame = decided.population.filter(pl.col("owner_kind") == kind)
        if frame.is_empty():
            continue
        figures = _kind_figures(kind, frame)
        kinds.append(figures)
        unjudged += _open(figures)
    exams = decided.population.filter(pl.col("outcome").is_in(["violation", "compliant"]))
    bys: tuple[By, ...] = ("facility", "officer")
    compared = [one for by in bys for one in compared_by(exams, by, unjudged)]
    return Outcomes(
        decided=decided,
        kinds=tuple(kinds),
        delay=delay_of(exams, decided, unjudged),
        compared=tuple(compared),
        agreement=agreement_of(decided, unjudged),
        drift=tuple(drift_of(decided, unjudged)),
        unjudged=tuple(unjudged),
    )


def _kind_figures(kind: OwnerKind, frame: pl.DataFrame) -> KindFigures:
    examined = frame["outcome"].is_in(["violation", "compliant"]).fill_null(value=False).to_numpy()
    violation = (frame["outcome"] == "violation").fill_null(value=False).to_numpy()
    exams = Exams(propensity=frame["propensity"].to_numpy(), examined=examined, violation=violation)
    arm = frame["arm"].fill_null("").to_numpy().astype(np.str_)
    minutes = _minutes(frame)
    arms = tuple(
        _arm_figures(name, arm == name, exams, minutes, kind)
        for name in ARMS
        if (arm == name).any()
    )
    return KindFigures(
        kind=kind,
        population=frame.height,
        arms=arms,
        together=_arm_figures("all arms", arm != "", exams, minutes, kind),
        prevalence=metrics.prevalence(exams),
        calibration=tuple(_calibration(frame, exams)),
    )


def _arm_figures(
    name: str, inside: Bools, exams: Exams, minutes: Floats, kind: OwnerKind
) -> ArmFigures:
    seen = inside & exams.examined
    spent = minutes[seen]
    told = np.isfinite(spent)
    # Exams without a time took as long as those of the arm that have one.
    hours = float(spent[told].mean()) * spent.size / 60 if told.any() else None
    return ArmFigures(
        arm=name,
        referred=int(inside.sum()),
        examined=int(seen.sum()),
        violations=int(exams.violation[inside].sum()),
        hours=hours,
        precision=metrics.rate(exams.violation[seen]),
        recall=metrics.recall(exams, inside),
        kind_words=WORDS[kind],
    )


def _minutes(frame: pl.DataFrame) -> Floats:
    """(N,) officer-minutes of each exam, NaN where they are not known."""
    timed = (pl.col("exam_ended_at") - pl.col("exam_started_at")).dt.total_seconds() / 60
    spent = frame.select(pl.coalesce(pl.col("minutes"), timed).alias("spent"))["spent"]
    return spent.fill_null(math.nan).to_numpy()


def _calibration(frame: pl.DataFrame, exams: Exams) -> Iterator[CalibrationBin]:
    """Risk against what was found, weighted; bins with few exams join the next."""
    risk = frame["risk"].fill_null(math.nan).to_numpy()
    seen = exams.examined & np.isfinite(risk)
    if int(seen.sum()) < MIN_CALIBRATION_EXAMS:
        return
    risk, found, weight = risk[seen], exams.violation[seen], 1 / exams.propensity[seen]
    bins = np.searchsorted(RISK_EDGES, risk, side="right")
    start, held = 0, np.zeros(risk.size, bool)
    ends = (*RISK_EDGES, 1.0)
    for number, end in enumerate(ends):
        held |= bins == number
        rest = int((bins > number).sum())
        if int(held.sum()) < MIN_BIN_EXAMS or 0 < rest < MIN_BIN_EXAMS:
            continue
        yield CalibrationBin(
            low=0.0 if start == 0 else ends[start - 1],
            high=end,
            risk=float(np.average(risk[held], weights=weight[held])),
            found=metrics.weighted_rate(found[held], weight[held], needed=MIN_BIN_EXAMS),
        )
        start, held = number + 1, np.zeros(risk.size, bool)


def _open(figures: KindFigures) -> Iterator[Unjudged]:
    """What could not be said about one kind, and what it would take."""
    words = WORDS[figures.kind]
    if figures.prevalence.why is not None:
        yield Unjudged(what=f"Prevalence among {words}", why=figures.prevalence.why)
    for arm in (*figures.arms, figures.together):
        if arm.precision.why is not None:
            yield Unjudged(what=f"Precision of {arm.arm}, {words}", why=arm.precision.why)
    if figures.together.recall.why is not None:
        yield Unjudged(what=f"Recall, {words}", why=figures.together.recall.why)
    if not figures.calibration:
        seen = figures.together.examined
        why = too_few(seen, MIN_CALIBRATION_EXAMS, of="exams with a risk").why or ""
        if seen >= MIN_CALIBRATION_EXAMS:
            why = "too few of the exams have a risk"
        yield Unjudged(what=f"Calibration, {words}", why=why)
