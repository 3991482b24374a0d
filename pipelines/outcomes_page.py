"""Outcomes for people: one page that holds all it shows."""

import base64
import datetime
import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from parcelscope.pipelines.evaluation_plots import draw
from parcelscope.pipelines.judgement import Chart, Series, Table, number_words
from parcelscope.pipelines.outcomes import WORDS, ArmFigures, KindFigures, Outcomes
from parcelscope.pipelines.outcomes_uniformity import Compared, Delay
from parcelscope.pipelines.pages import page_environment
from parcelscope.screening.budget import budget_words
from parcelscope.screening.outcome_metrics import LEVELS, Estimate
from parcelscope.screening.outcome_uniformity import LIMITS, control_limits

SHOWN: Final = LEVELS.index(0.90)
"""Interval that is shown on the page; the JSON has all."""
ARM_WORDS: Final = {"with_carton": "with a flagged carton", "random": "random draw"}
_FUNNEL_STEPS: Final = 60


def render(outcomes: Outcomes) -> str:
    """The page as HTML. All text of runs and decisions is escaped; charts are inside it."""
    decided = outcomes.decided
    return (
        page_environment()
        .get_template("outcomes.html")
        .render(
            lead=lead(outcomes),
            totals=tuple(_totals(outcomes)),
            tables=tuple(_tables(outcomes)),
            charts=tuple(_drawn(chart) for chart in charts(outcomes)),
            left_out=decided.left_out,
            unjudged=outcomes.unjudged,
            facts=tuple(_facts(outcomes)),
        )
    )


def lead(outcomes: Outcomes) -> str:
    """The result in two sentences."""
    told = []
    for figures in outcomes.kinds:
        one = figures.together
        told.append(
            f"{one.violations:,} violations in {one.examined:,} exams of"
            f" {WORDS[figures.kind]} ({one.referred:,} were referred)"
        )
    missed = [
        f"the flags caught {share_words(figures.together.recall)} of the violations among all"
        f" {figures.population:,} {WORDS[figures.kind]}"
        for figures in outcomes.kinds
        if figures.together.recall.known
    ]
    text = f"{'; '.join(told)}."
    return f"{text} By the weighted exams {'; '.join(missed)}." if missed else text


def share_words(estimate: Estimate) -> str:
    """A share as a percentage with its interval; the page says elsewhere why there is none."""
    return _words(estimate, lambda value: f"{value:.1%}")


def count_words(estimate: Estimate) -> str:
    """A number with its interval."""
    return _words(estimate, lambda value: f"{value:,.0f}")


def _words(estimate: Estimate, word: Any) -> str:
    if not estimate.known:
        return "not assessed"
    low, high = estimate.intervals[SHOWN]
    return f"{word(estimate.value)} ({word(low)} to {word(high)})"


def _arm_name(arm: str) -> str:
    return ARM_WORDS.get(arm, arm)


def _totals(outcomes: Outcomes) -> Iterator[tuple[str, str, str]]:
    """Name, value and note of the figures at the head."""
    for figures in outcomes.kinds:
        words = WORDS[figures.kind]
        for name, estimate, word in (
            (f"Violations per 1,000 exams, {words}", figures.together.per_thousand, count_words),
            (f"Caught of all violations, {words}", figures.together.recall, share_words),
            (f"Prevalence among {words}", figures.prevalence, share_words),
        ):
            if not estimate.known:
                yield name, "not assessed", estimate.why or ""
                continue
            value, _, interval = word(estimate).partition(" (")
            yield name, value, f"90 % interval {interval.removesuffix(')')}"
    if outcomes.delay is not None:
        yield (
            "Delay of what was compliant",
            f"{outcomes.delay.median:.1f} h",
            f"median; a tenth waited {outcomes.delay.ninetieth:.1f} h or longer",
        )


def _tables(outcomes: Outcomes) -> Iterator[Table]:
    for figures in outcomes.kinds:
        yield _arm_table(figures)
        if figures.calibration:
            yield Table(
                title=f"Calibration, {WORDS[figures.kind]}",
                note="Violations among exams of about one risk, each weighed by one over its"
                " propensity, beside the mean risk. Risks are right where the interval holds it.",
                head=("Risk", "Mean risk", "Found", "Exams"),
                rows=tuple(
                    (
                        f"{one.low:.0%} to {one.high:.0%}",
                        f"{one.risk:.1%}",
                        share_words(one.found),
                        f"{one.found.exams:,}",
                    )
                    for one in figures.calibration
                ),
            )
    for compared in outcomes.compared:
        yield _group_table(compared)
    if outcomes.drift:
        yield Table(
            title="Scores over time and between facilities",
            note="Population stability index (below 0.10 alike, above 0.25 shifted) and"
            " Kolmogorov-Smirnov distance of the parcels' risks. Scores that shift say that the"
            " traffic or a scanner changed, not which.",
            head=("What", "Against", "PSI", "", "KS", "p", "Scores"),
            rows=tuple(
                (
                    one.what,
                    one.against,
                    f"{one.shift.psi:.3f}",
                    one.shift.words,
                    f"{one.shift.ks:.3f}",
                    f"{one.shift.p_value:.2g}",
                    f"{one.shift.second:,} against {one.shift.first:,}",
                )
                for one in outcomes.drift
            ),
        )


def _arm_table(figures: KindFigures) -> Table:
    def row(one: ArmFigures) -> tuple[str, ...]:
        return (
            _arm_name(one.arm),
            f"{one.referred:,}",
            f"{one.examined:,}",
            f"{one.violations:,}",
            share_words(one.precision),
            count_words(one.per_thousand),
            "not known" if one.per_hour is None else number_words(one.per_hour),
            share_words(one.recall),
        )

    return Table(
        title=f"Arms, {WORDS[figures.kind]}",
        note=f"Of {figures.population:,} {WORDS[figures.kind]}. Precision and yield are of the"
        " exams of one arm. The last column is its share of all violations; how many nobody saw is"
        " estimated from the exams of what was not certain to be examined. Intervals: 90 %.",
        head=(
            "Arm", "Referred", "Examined", "Violations", "Precision", "Per 1,000 exams",
            "Per officer-hour", "Share of all violations",
        ),
        rows=(*(row(one) for one in figures.arms), row(figures.together)),
    )  # fmt: skip


def _group_table(compared: Compared) -> Table:
    p_value = "not assessed" if math.isnan(compared.alike) else f"p = {compared.alike:.2g}"

    def standing(group: Any) -> str:
        if group.outside(LIMITS[1]):
            return "outside 99.8 % limits"
        return "outside 95 % limits" if group.outside(LIMITS[0]) else "as others"

    plural = "Facilities" if compared.by == "facility" else "Officers"
    return Table(
        title=plural,
        note="Violations found beside what the rates of all lead to expect of exams of the same"
        f" arm and risk. Chance of so uneven finds, were all alike: {p_value}.",
        head=(compared.by.capitalize(), "Exams", "Found", "Expected", "Ratio", ""),
        rows=tuple(
            (
                group.name,
                f"{group.exams:,}",
                f"{group.found:,}",
                f"{group.expected:.1f}",
                f"{group.ratio:.2f}",
                standing(group),
            )
            for group in compared.groups
        ),
    )


def charts(outcomes: Outcomes) -> Iterator[Chart]:
    """The plots of the page."""
    for figures in outcomes.kinds:
        yield from _yield_chart(figures)
        if figures.calibration:
            yield _calibration_chart(figures)
    for compared in outcomes.compared:
        yield from _funnel(compared)
    if outcomes.delay is not None:
        yield _delay_chart(outcomes.delay)
    later = [one for one in outcomes.drift if not one.what.startswith("facility ")]
    if len(later) > 1:
        at = np.arange(1.0, len(later) + 1)
        yield Chart(
            name="drift",
            title="Scores of later periods against the first",
            note="From 0.10 on scores are somewhat shifted, from 0.25 on shifted (PSI).",
            x_label="period after the first",
            y_label="distance",
            series=(
                Series(name="PSI", x=at, y=np.array([one.shift.psi for one in later])),
                Series(name="KS", x=at, y=np.array([one.shift.ks for one in later])),
            ),
            unit_square=False,
        )


def _yield_chart(figures: KindFigures) -> Iterator[Chart]:
    told = [one for one in figures.arms if one.precision.known]
    if len(told) < 2:
        return
    estimates = [one.per_thousand for one in told]
    yield Chart(
        name=f"yield-{figures.kind}",
        title=f"Violations per 1,000 exams, {WORDS[figures.kind]}",
        note="By arm, with 90 % intervals: "
        + ", ".join(f"{n} {_arm_name(one.arm)}" for n, one in enumerate(told, 1))
        + ".",
        x_label="arm",
        y_label="violations per 1,000 exams",
        series=(
            Series(
                name="",
                x=np.arange(1.0, len(told) + 1),
                y=np.array([one.value for one in estimates]),
                style="points",
                low=np.array([one.intervals[SHOWN][0] for one in estimates]),
                high=np.array([one.intervals[SHOWN][1] for one in estimates]),
            ),
        ),
        unit_square=False,
    )


def _calibration_chart(figures: KindFigures) -> Chart:
    bins = figures.calibration
    return Chart(
        name=f"calibration-{figures.kind}",
        title=f"Calibration, {WORDS[figures.kind]}",
        note="Share of violations beside the risk that was told, with 90 % intervals; on the line"
        " where the risks are right.",
        x_label="risk",
        y_label="violations found, weighted",
        series=(
            Series(
                name="",
                x=np.array([one.risk for one in bins]),
                y=np.array([one.found.value for one in bins]),
                style="points",
                low=np.array([one.found.intervals[SHOWN][0] for one in bins]),
                high=np.array([one.found.intervals[SHOWN][1] for one in bins]),
            ),
        ),
        diagonal=True,
    )


def _funnel(compared: Compared) -> Iterator[Chart]:
    groups = [group for group in compared.groups if group.expected > 0]
    if len(groups) < 2:
        return
    expected = np.array([group.expected for group in groups])
    along = np.geomspace(max(expected.min() * 0.6, 0.2), expected.max() * 1.2, _FUNNEL_STEPS)
    # The share that makes the usual group's limits its own: its variance over what is expected.
    spread = float(sum(group.variance for group in groups) / expected.sum())
    # Both limits in one series, with a gap between, so that they have one colour.
    limits = [
        Series(
            name=name,
            x=np.concatenate([along, [np.nan], along]),
            y=np.concatenate([low, [np.nan], high]),
        )
        for name, level in zip(("95 % limits", "99.8 % limits"), LIMITS, strict=True)
        for low, high in (control_limits(along, 1 - spread, level),)
    ]
    noun = "facility" if compared.by == "facility" else "officer"
    ratio = np.array([group.ratio for group in groups])
    yield Chart(
        name=f"funnel-{compared.by}",
        title="Facilities side by side" if noun == "facility" else "Officers side by side",
        note=f"Found over expected of each {noun}; outside the outer limits chance is no"
        " explanation, and somebody should look why.",
        x_label="violations expected",
        y_label="found over expected",
        series=(
            Series(name=f"one {noun}", x=expected, y=ratio, style="points", low=ratio, high=ratio),
            *limits,
        ),
        unit_square=False,
    )


def _delay_chart(delay: Delay) -> Chart:
    return Chart(
        name="delay",
        title="Delay added to what was compliant",
        note="Share of compliant parcels and cartons that waited at most so many hours for the end"
        " of their exam.",
        x_label="hours",
        y_label="share",
        series=(Series(name="", x=delay.hours, y=np.arange(1.0, delay.count + 1) / delay.count),),
        unit_square=False,
    )


def _drawn(chart: Chart) -> dict[str, str]:
    svg = base64.b64encode(draw(chart).encode()).decode()
    return {
        "title": chart.title,
        "note": chart.note,
        "uri": f"data:image/svg+xml;base64,{svg}",
    }


def _facts(outcomes: Outcomes) -> Iterator[tuple[str, str]]:
    decided = outcomes.decided
    for run in decided.runs:
        yield (
            f"Run {run.card.run_id}",
            f"{run.card.created}, budget {budget_words(run.card.budget)}, seed {run.card.seed},"
            f" bundle {run.card.bundle.name} {run.card.bundle.version}",
        )
    yield "Decisions", f"{decided.rows:,} rows"
    if outcomes.agreement is not None:
        pairs = outcomes.agreement
        yield (
            "Two officers on the same",
            f"{pairs.pairs:,} pairs, {pairs.agreed:.1%} said the same, kappa {pairs.kappa:.2f}",
        )
    for why in decided.without_feed:
        yield "Facilities not known", why
    yield "Made", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
