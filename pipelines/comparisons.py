"""What the manifest says of a parcel or master carton beside what was seen of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from parcelscope.datasets.records import OwnerKind
from parcelscope.inference.scan_findings import with_article

Row = dict[str, Any]

MOST_LINES = 6
LEAST_SHARE = 0.05
"""Of the mass, for a material to be named."""
NO_NUMBERS = frozenset({"text.address", "text.number"})
"""What text says besides the numbers of known schemes; most of it is printed on goods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One line of the comparison."""

    name: str
    declared: tuple[str, ...]
    """Empty where the manifest is silent."""
    seen: tuple[str, ...]
    """Empty where it was not assessed."""
    noted: bool = False
    """Whether one of the reasons is about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that the feed and the run hold of one owner."""

    kind: OwnerKind
    row: Row
    """Its row of the parcels or cartons table."""
    findings: Sequence[Row]
    not_assessed: frozenset[str]
    """Checks that could not be made."""
    item_shapes: Sequence[str] = ()
    """Classes of item reported, such as `knife`."""
    listed: int = 0
    """Parcel rows that name the carton."""
    listed_weight_g: float | None = None
    """Sum of their declared weights, None unless all have one."""

    def of(self, code: str) -> list[Row]:
        """Findings with exactly this code."""
        return [finding for finding in self.findings if finding["code"] == code]

    def has(self, *prefixes: str) -> bool:
        """Whether there is any finding whose code begins with one of `prefixes`."""
        return any(finding["code"].startswith(prefixes) for finding in self.findings)


def comparisons(known: Known) -> tuple[Comparison, ...]:
    """The lines for one parcel or carton, in the order in which an analyst asks for them."""
    makers: tuple[Callable[[Known], Comparison], ...] = (
        (_goods, _weight, _numbers) if known.kind == "parcel" else (_pieces, _weight, _numbers)
    )
    made = (maker(known) for maker in makers)
    return tuple(line for line in made if line.declared or line.seen)


def grams(mass_g: float) -> str:
    """A mass as people say it: `850 g`, `1.25 kg`."""
    mass_g = max(mass_g, 0.0)  # the lower end of a band may lie below zero
    return f"{mass_g:,.0f} g" if round(mass_g) < 1000 else f"{mass_g / 1000:,.2f} kg"


def _goods(known: Known) -> Comparison:
    row = known.row
    units, value, currency = row["quantity"], row["value"], row["currency"] or ""
    declared = (
        *_given(row["description"]),
        *((f"{units:g} {'unit' if units == 1 else 'units'}",) if units is not None else ()),
        *((f"{value:,.2f} {currency}".strip(),) if value is not None else ()),
        *_given(row["brand"], "brand {}"),
        *_given(row["hs_code"], "HS {}"),
        *_given(row["origin_country"], "made in {}"),
    )
    seen = tuple(f"shape like {with_article(name)}" for name in known.item_shapes)
    if not seen and "xray.items" not in known.not_assessed:
        seen = ("no shape to report",)
    seen = (*seen, *_material_words(known))
    return Comparison(
        name="Goods",
        declared=declared,
        seen=seen,
        noted=known.has("U8.", "contents.contradicts") or bool(known.item_shapes),
    )


def _pieces(known: Known) -> Comparison:
    manifested = known.row["pieces_manifested"]
    declared = (
        *((_counted(manifested, "piece"),) if manifested is not None else ()),
        *((_counted(known.listed, "parcel row") + " in the feed",) if known.listed else ()),
    )
    seen = tuple(_count_words(finding) for finding in known.of("pieces.count"))
    return Comparison(
        name="Pieces",
        declared=declared,
        seen=seen[:MOST_LINES],
        noted=known.has("U1.", "U2.pieces"),
    )


def _weight(known: Known) -> Comparison:
    row = known.row
    declared = (
        *((grams(row["declared_weight_g"]),) if row["declared_weight_g"] is not None else ()),
        *(
            (f"{grams(known.listed_weight_g)} as the sum of its parcels",)
            if known.listed_weight_g is not None
            else ()
        ),
    )
    scale = row["measured_weight_g"]
    seen = (
        *((f"scale: {grams(scale)}",) if scale is not None else ()),
        *(_mass_words(finding) for finding in known.of("mass.total")),
    )
    return Comparison(
        name="Weight",
        declared=declared,
        seen=seen[:MOST_LINES],
        noted=known.has("U3.", "U2.weight", "U2.packaging"),
    )


def _numbers(known: Known) -> Comparison:
    row = known.row
    if known.kind == "parcel":
        declared = (
            *_given(row["tracking_number"], "tracking {}"),
            *_given(row["house_bill"], "house bill {}"),
        )
    else:
        declared = (
            *_given(row["receptacle_id"], "receptacle {}"),
            *_given(row["master_bill"], "master bill {}"),
        )
    read: dict[str, set[str]] = {}
    for finding in known.findings:
        code, text = finding["code"], finding["text"]
        if code.startswith("code.") and text:
            read.setdefault(text, set()).add(code.removeprefix("code."))
        elif code.startswith("text.") and code not in NO_NUMBERS and text:
            read.setdefault(text, set()).add("as text")
    seen = tuple(f"{text} ({', '.join(sorted(formats))})" for text, formats in read.items())
    if len(seen) > MOST_LINES:
        seen = (*seen[: MOST_LINES - 1], f"and {len(seen) - MOST_LINES + 1} more")
    if not seen and "photo.codes" not in known.not_assessed:
        seen = ("no code was read in its photos",)
    return Comparison(
        name="Numbers",
        declared=declared,
        seen=seen,
        noted=known.has("ID.", "U4.", "U5.labels", "U6."),
    )


def _material_words(known: Known) -> tuple[str, ...]:
    """What the scan shows as material: `X-ray: 62 % organic, 30 % metal-like`, from 5 % on."""
    shares: dict[str, float] = {}
    for finding in known.of("contents.material"):
        shares[finding["text"]] = max(shares.get(finding["text"], 0.0), finding["observed"])
    told = [
        f"{share:.0%} {name}".replace("%", " %")
        for name, share in sorted(shares.items(), key=lambda entry: (-entry[1], entry[0]))
        if share >= LEAST_SHARE
    ]
    return (f"X-ray: {', '.join(told)}",) if told else ()


def _mass_words(finding: Row) -> str:
    band = _band(finding, grams)
    return f"X-ray: {grams(finding['observed'])}{band}"


def _count_words(finding: Row) -> str:
    low, high = finding["observed_low"], finding["observed_high"]
    if low is None or high is None:
        return f"X-ray: about {finding['observed']:.0f}"
    low, high = round(low), round(high)
    said = f"{low}" if low == high else f"{low} to {high}"
    return f"X-ray: {said}"


def _band(finding: Row, words: Callable[[float], str]) -> str:
    low, high = finding["observed_low"], finding["observed_high"]
    return "" if low is None or high is None else f" ({words(low)} to {words(high)})"


def _given(text: str | None, form: str = "{}") -> tuple[str, ...]:
    return (form.format(text),) if text else ()


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
