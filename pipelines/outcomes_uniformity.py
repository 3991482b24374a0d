"""Whether all are treated alike: delay, facilities, officers, and scores over time."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.pipelines.judgement import Unjudged
from parcelscope.pipelines.outcomes_decisions import Decided
from parcelscope.screening.outcome_metrics import RISK_EDGES, too_few
from parcelscope.screening.outcome_uniformity import (
    Agreement,
    Group,
    Shift,
    agreement,
    groups_of,
    heterogeneity,
    shift_of,
)

Floats = npt.NDArray[np.float64]

MIN_GROUP_EXAMS: Final = 10
"""Exams of one facility or officer before it is compared."""
MIN_DELAYS: Final = 10
MIN_PAIRS: Final = 20
MIN_SCORES: Final = 100
"""Scores in each of two periods before they are compared."""
MOST_PERIODS: Final = 12
"""More runs than this are put together by ISO week."""


By = Literal["facility", "officer"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delay:
    """Hours that exams held up parcels and cartons that turned out compliant."""

    count: int
    mean: float
    median: float
    ninetieth: float
    longest: float
    hours: Floats
    """(count,) each, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Facilities, or officers, beside each other."""

    by: By
    groups: tuple[Group, ...]
    alike: float
    """P-value of all finding at the same rates."""
    rate: float
    """Share of violations in all their exams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The scores of one period, or facility, against others."""

    what: str
    against: str
    shift: Shift


def delay_of(exams: pl.DataFrame, decided: Decided, unjudged: list[Unjudged]) -> Delay | None:
    """Hours from run or referral to the end of exams that found nothing; None with too few."""
    created = pl.DataFrame(
        {
            "run_id": [run.card.run_id for run in decided.runs],
            "created": [run.card.created for run in decided.runs],
        }
    ).with_columns(pl.col("created").str.to_datetime(time_unit="us", time_zone="UTC", strict=False))
    hours = (
        exams.filter(pl.col("outcome") == "compliant")
        .join(created, on="run_id", how="left")
        .select(
            (pl.col("exam_ended_at") - pl.coalesce("referred_at", "created")).dt.total_seconds()
            / 3600
        )
        .to_series()
        .drop_nulls()
    )
    before = int((hours < 0).sum())
    held = hours.filter(hours >= 0).to_numpy()
    if before:
        unjudged.append(
            Unjudged(
                what=f"Delay of {before:,} compliant",
                why="the exam ended before the run or the referral; give referred_at",
            )
        )
    if held.size < MIN_DELAYS:
        why = too_few(int(held.size), MIN_DELAYS, of="compliant exams with exam_ended_at").why
        unjudged.append(
            Unjudged(what="Delay added to compliant parcels and cartons", why=why or "")
        )
        return None
    return Delay(
        count=int(held.size),
        mean=float(held.mean()),
        median=float(np.median(held)),
        ninetieth=float(np.quantile(held, 0.9)),
        longest=float(held.max()),
        hours=np.sort(held),
    )


def compared_by(exams: pl.DataFrame, by: By, unjudged: list[Unjudged]) -> Iterator[Compared]:
    """Facilities or officers beside each other, where two or more have exams enough."""
    name = pl.coalesce("exam_facility", "facility") if by == "facility" else pl.col("officer")
    told = exams.with_columns(name.alias("group")).drop_nulls("group")
    counts = told.group_by("group").len().sort("group")
    enough = counts.filter(pl.col("len") >= MIN_GROUP_EXAMS)["group"].to_list()
    few = counts.height - len(enough)
    noun = "facilities" if by == "facility" else "officers"
    if few and counts.height:
        unjudged.append(
            Unjudged(
                what=f"{few:,} of {counts.height:,} {noun}",
                why=f"fewer than {MIN_GROUP_EXAMS} exams each",
            )
        )
    if len(enough) < 2:
        unjudged.append(
            Unjudged(
                what=f"Uniformity across {noun}",
                why=f"{len(enough)} with {MIN_GROUP_EXAMS} exams or more, at least 2 needed",
            )
        )
        return
    kept = told.filter(pl.col("group").is_in(enough))
    risk = kept["risk"].fill_null(math.nan).to_numpy()
    level = np.where(np.isfinite(risk), np.digitize(risk, RISK_EDGES), -1)
    stratum = np.array(
        [
            f"{kind} {arm} {bin_}"
            for kind, arm, bin_ in zip(kept["owner_kind"], kept["arm"], level, strict=True)
        ]
    )
    violation = (kept["outcome"] == "violation").to_numpy()
    groups = groups_of(kept["group"].to_numpy().astype(np.str_), stratum, violation)
    yield Compared(by=by, groups=groups, alike=heterogeneity(groups), rate=float(violation.mean()))


def agreement_of(decided: Decided, unjudged: list[Unjudged]) -> Agreement | None:
    """How far two officers agree on the same parcels and cartons; None with too few pairs."""
    owner = ["run_id", "owner_kind", "owner_id"]
    pairs = decided.second.join(
        decided.population.select(*owner, pl.col("outcome").alias("first")), on=owner, how="inner"
    )
    if pairs.height < MIN_PAIRS:
        why = too_few(pairs.height, MIN_PAIRS, of="exams by two officers").why or ""
        unjudged.append(Unjudged(what="Agreement of officers on the same parcels", why=why))
        return None
    return agreement(
        (pairs["first"] == "violation").to_numpy(), (pairs["outcome"] == "violation").to_numpy()
    )


def drift_of(decided: Decided, unjudged: list[Unjudged]) -> Iterator[Drift]:
    """Scores of later periods against the first, and of each facility against the others."""
    scored = decided.population.filter(
        (pl.col("owner_kind") == "parcel") & pl.col("risk").is_not_null()
    )
    periods = _periods(decided)
    named = scored.with_columns(pl.col("run_id").replace_strict(periods).alias("period"))
    names = list(dict.fromkeys(periods.values()))
    first = named.filter(pl.col("period") == names[0])["risk"].to_numpy()
    if len(names) < 2:
        unjudged.append(
            Unjudged(what="Drift of scores between periods", why="one period; name runs of two")
        )
    for name in names[1:]:
        risk = named.filter(pl.col("period") == name)["risk"].to_numpy()
        if min(first.size, risk.size) < MIN_SCORES:
            why = too_few(min(first.size, risk.size), MIN_SCORES, of="scores in a period").why
            unjudged.append(Unjudged(what=f"Drift of scores in {name}", why=why or ""))
            continue
        yield Drift(what=name, against=names[0], shift=shift_of(first, risk))
    yield from _facility_drift(scored, decided, unjudged)


def _facility_drift(
    scored: pl.DataFrame, decided: Decided, unjudged: list[Unjudged]
) -> Iterator[Drift]:
    placed = scored.drop_nulls("facility")
    names = placed["facility"].unique().sort().to_list()
    if len(names) < 2:
        why = decided.without_feed[0] if decided.without_feed else "the feeds name fewer than two"
        unjudged.append(Unjudged(what="Difference of scores between facilities", why=why))
        return
    for name in names:
        here = placed.filter(pl.col("facility") == name)["risk"].to_numpy()
        there = placed.filter(pl.col("facility") != name)["risk"].to_numpy()
        if min(here.size, there.size) < MIN_SCORES:
            why = too_few(min(here.size, there.size), MIN_SCORES, of="scores").why or ""
            unjudged.append(Unjudged(what=f"Scores of facility {name}", why=why))
            continue
        yield Drift(what=f"facility {name}", against="the others", shift=shift_of(there, here))


def _periods(decided: Decided) -> dict[str, str]:
    """The period of each run in order of time: the run itself, or its week where they are many."""
    ordered: Sequence[tuple[str, str]] = sorted(
        (run.card.created, run.card.run_id) for run in decided.runs
    )
    if len(ordered) <= MOST_PERIODS:
        return {run_id: f"run {run_id}" for _, run_id in ordered}
    days = pl.Series([created[:10] for created, _ in ordered]).str.to_date()
    weeks = days.dt.strftime("week %G-%V")
    return {run_id: week for (_, run_id), week in zip(ordered, weeks, strict=True)}
