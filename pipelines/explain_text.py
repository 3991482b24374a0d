"""An explanation as an officer reads it in a terminal."""

from collections.abc import Iterator
from typing import Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from parcelscope.pipelines.check_words import check_words
from parcelscope.pipelines.explain import Explained
from parcelscope.pipelines.flag_cards import BAND_WORDS, KIND_WORDS
from parcelscope.screening.explanation import Sum, Weighed

WIDTH: Final = 110
"""Characters of a line that goes to a file or a pipe."""
_MOST_WEAK: Final = 3
"""Findings without weight that are told in full, of each code."""
ARM_WORDS: Final = {
    None: "not flagged",
    "targeted": "flagged, targeted: among the highest expected value per officer-minute",
    "uncertain": "flagged, uncertain: knowing more about it would help most",
    "random": "flagged, drawn at random whatever its risk",
    "with_carton": "comes to an exam with its carton, which is flagged",
}


def print_explanation(explained: Explained, *, every: bool = False) -> None:
    """Print it; findings that count for nothing are summed up unless `every` is asked for."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    for block in _blocks(explained, every=every):
        console.print(block)


def _blocks(explained: Explained, *, every: bool) -> Iterator[Text | Padding]:
    one, card = explained.explanation, explained.replay.card
    yield _line(f"{KIND_WORDS[one.owner_kind].capitalize()} {one.owner_id}", "bold")
    yield _line(f"run {card.run_id} of {card.feed}", "dim")
    packs = ", ".join(f"{pack.name} {pack.version}" for pack in card.indicator_packs or ())
    yield _line(f"bundle {card.bundle.name} {card.bundle.version}, indicators {packs}", "dim")
    yield from _agreement(explained)
    yield _title("What was declared")
    yield _declared(explained)
    if one.sum is None:
        yield _title("Not read")
    else:
        yield _title("How the risk came about, in log-odds")
        yield _indented(_ladder(one.findings, one.sum))
        told = [finding for finding in one.findings if not finding.contribution]
        if told:
            yield _title("Found or measured, without weight of its own")
            yield _indented(_weightless(told, every=every))
    if one.not_assessed:
        yield _title(f"Not assessed ({len(one.not_assessed)})")
        yield _indented(Group(*(_reason(entry) for entry in one.not_assessed)))
    yield _title("Exam")
    yield _indented(_exam(explained))


def _agreement(explained: Explained) -> Iterator[Text]:
    agreement, window = explained.agreement, explained.replay.window
    of = f"all {window.parcels.height:,} parcels and {window.cartons.height:,} cartons"
    if agreement.sameness == "identical":
        yield _line(f"✓ replayed: the stored findings of {of} come to what is stored, bit for bit")
    elif agreement.sameness == "to 6 decimals":
        yield _line(
            f"✓ replayed: the stored findings of {of} come to what is stored, to 6 decimals, with"
            " the same flags"
        )
    else:
        yield _line(f"✗ replayed: the stored findings of {of} come to something else", "bold red")
        for difference in agreement.differences:
            yield _line(f"  {difference}", "red")
    for version in agreement.versions:
        yield _line(f"  {version}", "dim")


def _declared(explained: Explained) -> Padding:
    if not explained.declared:
        return _indented(_line("its manifest row could not be read"))
    table = Table.grid(padding=(0, 2))
    for one in explained.declared:
        table.add_row(_line(one.name, "dim"), _line(one.value), _line(one.source, "dim"))
    return _indented(table)


def _ladder(findings: tuple[Weighed, ...], total: Sum) -> Table:
    """From the intercept to the risk, one step for each code that counts."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    table.add_row(_line(f"{total.intercept:+.3f}"), _line("where nothing is found"))
    for finding in findings:
        if finding.contribution:
            table.add_row(_line(f"{finding.contribution:+.3f}", "bold"), _finding(finding))
    if total.profile:
        table.add_row(_line(f"{total.profile:+.3f}"), _line("the manifest row by itself"))
    said = "by trees, from all of these" if total.trees else "sum"
    table.add_row(_line(f"{total.logit:+.3f}", "bold"), _line(said))
    (low, low_risk), (high, high_risk) = total.knots
    between = f"between {low_risk:.2%} at {low:+.2f} and {high_risk:.2%} at {high:+.2f}"
    if not low <= total.logit <= high:
        between = f"that of {high if total.logit > high else low:+.2f} and whatever lies beyond"
    if total.risk is None or total.risk_before_tier is None:
        table.add_row("", _line("no risk is told, as nothing at all could be checked", "bold"))
        return table
    table.add_row(
        _line(f"{total.risk_before_tier:.2%}", "bold"), _line(f"calibrated risk, {between}")
    )
    if total.tier is not None:
        why = f"; {total.tier_note}" if total.tier_note else ""
        table.add_row(
            _line(f"{total.tier_shift or 0.0:+.3f}"),
            _line(f"log-odds by trader tier {total.tier}{why}"),
        )
        table.add_row(_line(f"{total.risk:.2%}", "bold"), _line("risk"))
    table.add_row("", _line(f"band {BAND_WORDS.get(total.band or '', 'none')}", "bold"))
    return table


def _finding(one: Weighed) -> Group:
    """What was found, the numbers behind it, and where they stand."""
    return Group(_line(one.sentence), _line(_numbers(one), "dim"), _line(_origin(one), "dim"))


def _numbers(one: Weighed) -> str:
    parts = [*_compared(one), *_likelihood(one)]
    if one.strength is not None:
        parts.append(f"strength {one.strength:.3f} x weight {one.weight:.3f}")
    return "; ".join(parts)


def _compared(one: Weighed) -> Iterator[str]:
    unit = f" {one.unit}" if one.unit else ""
    if one.observed is not None:
        band = ""
        if one.observed_low is not None and one.observed_high is not None:
            band = f" ({one.observed_low:,.6g} to {one.observed_high:,.6g})"
        yield f"observed {one.observed:,.6g}{band}{unit}"
    if one.expected is not None:
        yield f"expected {one.expected:,.6g}{unit}"


def _likelihood(one: Weighed) -> Iterator[str]:
    for name, value, counted in (
        ("likelihood ratio", one.likelihood_ratio, one.counted_likelihood_ratio),
        ("p-value", one.p_value, one.counted_p_value),
    ):
        if value is None:
            continue
        if counted is None:
            yield f"{name} {value:.4g}, left out: the scanner is not calibrated"
        elif counted != value:
            yield f"{name} {value:.4g}, counted as {counted:.4g}: the scanner is not calibrated"
        else:
            yield f"{name} {value:.4g}"


def _origin(one: Weighed) -> str:
    by = one.source
    if one.version is not None:
        by = f"version {one.version} in pack {one.pack}, severity {one.severity}"
    seen = f", {one.image_path}" if one.image_path else ""
    return f"{one.code}, {by}{seen}; {one.part}"


def _weightless(findings: list[Weighed], *, every: bool) -> Group:
    """The first few of each code; the rest as a number, as detectors keep weak shapes too."""
    shown: dict[str, int] = {}
    lines = []
    for one in findings:
        shown[one.source] = shown.get(one.source, 0) + 1
        if every or shown[one.source] <= _MOST_WEAK:
            text = _line(one.sentence)
            numbers = _numbers(one)
            lines += [text, _line(f"  {numbers + '; ' if numbers else ''}{_origin(one)}", "dim")]
    for source, count in shown.items():
        if not every and count > _MOST_WEAK:
            lines.append(_line(f"… and {count - _MOST_WEAK} more of {source}, see --all", "dim"))
    return Group(*lines)


def _reason(entry: str) -> Text:
    check, _, reason = entry.partition(": ")
    return _line(f"{check_words(check)} ({check}): {reason}")


def _exam(explained: Explained) -> Group:
    chance = explained.explanation.chance
    lines = [_line(ARM_WORDS.get(chance.arm, str(chance.arm)), "bold")]
    if chance.inclusion_probability is not None:
        lines.append(
            _line(f"its chance of coming to an exam was {chance.inclusion_probability:.4%}")
        )
    if chance.rank is not None:
        kind = KIND_WORDS[explained.explanation.owner_kind]
        lines.append(
            _line(
                f"rank {chance.rank} of the flagged {kind}s; {chance.minutes:g} officer-minutes"
                f" of the pool {chance.pool!r}; chance of the random draw alone"
                f" {chance.draw_probability:.4%}"
            )
        )
    if explained.parcels_inside:
        lines.append(_line(f"{explained.parcels_inside:,} parcel rows come with it"))
    if explained.carton_id is not None:
        lines.append(_line(f"came in master carton {explained.carton_id}"))
    return Group(*lines)


def _title(words: str) -> Text:
    return _line(f"\n{words}", "bold")


def _indented(content: Table | Text | Group) -> Padding:
    return Padding(content, (0, 0, 0, 2))


def _line(words: str, style: str = "") -> Text:
    # Manifest rows come from outside: no control character of theirs reaches the terminal.
    return Text(
        "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in words),
        style=style,
    )
