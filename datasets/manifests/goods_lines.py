"""A parcel that declares several lines of goods, as the one row that a feed has for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException

from parcelscope.datasets.manifests.entries import Message, Reading, Value
from parcelscope.datasets.manifests.verdicts import Outcome

Complaint = Callable[[str, str, str], None]
"""Called with field, what was expected and what came, where lines contradict each other."""
_ONE_OF_SEVERAL = ("hs_code", "origin_country")


def complainer(message: Message, reading: Reading, place: str, key: str) -> Complaint:
    """Gives complaints about the lines of parcel `key` as verdicts of `reading`."""

    def complain(field: str, expected: str, got: str) -> None:
        # One of several codes or countries is still a right one; a sum of some numbers is not.
        outcome: Outcome = "note" if field in _ONE_OF_SEVERAL else "without_value"
        reading.verdicts.append(
            message.verdict(
                outcome, table="parcels", place=place, key=key, field=field,
                expected=expected, got=got,
            )
        )  # fmt: skip

    return complain


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsLine:
    """One declared line of goods. All values as text, with their places."""

    description: Value | None = None
    hs_code: Value | None = None
    origin_country: Value | None = None
    quantity: Value | None = None
    weight_g: Value | None = None
    value: Value | None = None
    currency: Value | None = None


def combined(lines: Sequence[GoodsLine], complain: Complaint) -> dict[str, Value]:
    """The fields of the parcel that `lines` are declared for.

    Descriptions are put side by side, numbers are added up. The tariff code and the origin are
    those of the line of greatest value, and the first one's where values cannot be compared. A sum
    is only made where every line has the number, and amounts only where all are in one currency.
    """
    fields: dict[str, Value] = {}
    descriptions = [line.description for line in lines if line.description is not None]
    if descriptions:
        texts = dict.fromkeys(value.text for value in descriptions)
        fields["description"] = _joined("; ".join(texts), descriptions)
    money = _money(lines, complain)
    fields.update(money)
    leading = _by_value(lines) if "value" in money else list(lines)
    for name in _ONE_OF_SEVERAL:
        given = [value for line in leading if (value := getattr(line, name)) is not None]
        if not given:
            continue
        fields[name] = given[0]
        others = sorted({value.text for value in given} - {given[0].text})
        if others:
            complain(name, f"one {name} for all lines; taken is {given[0].text}", ", ".join(others))
    for name, of_line in (("quantity", "quantity"), ("declared_weight_g", "weight_g")):
        total = _sum(name, [getattr(line, of_line) for line in lines], complain)
        if total is not None:
            fields[name] = total
    return fields


def _money(lines: Sequence[GoodsLine], complain: Complaint) -> dict[str, Value]:
    priced = [line for line in lines if line.value is not None]
    currencies = {line.currency.text for line in priced if line.currency is not None}
    if len(currencies) > 1:
        amounts = ", ".join(
            f"{line.value.text} {line.currency.text}"
            for line in priced
            if line.value is not None and line.currency is not None
        )
        complain("value", "the values of one parcel in one currency", amounts)
        return {}
    if priced and 0 < sum(line.currency is not None for line in priced) < len(priced):
        complain("value", "a currency with each value", "values with and without one")
        return {}
    total = _sum("value", [line.value for line in lines], complain)
    if total is None:
        return {}
    money = {"value": total}
    named = [line.currency for line in priced if line.currency is not None]
    if named:
        money["currency"] = _joined(named[0].text, named)
    return money


def _sum(name: str, values: Sequence[Value | None], complain: Complaint) -> Value | None:
    given = [value for value in values if value is not None]
    if not given:
        return None
    if len(given) < len(values):
        complain(name, f"a {name} on each of {len(values)} lines", f"it on {len(given)}")
        return None
    if len(given) == 1:
        return given[0]
    numbers = [_number(value.text) for value in given]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        bad = next(v.text for v, n in zip(given, numbers, strict=True) if n is None)
        complain(name, f"a number, 0 or more, as {name} of a line", bad)
        return None
    return _joined(format(sum(known, Decimal(0)), "f"), given)


def _by_value(lines: Sequence[GoodsLine]) -> list[GoodsLine]:
    def worth(line: GoodsLine) -> Decimal:
        number = _number(line.value.text) if line.value is not None else None
        return number if number is not None else Decimal(-1)

    return sorted(lines, key=worth, reverse=True)


def _number(text: str) -> Decimal | None:
    """A number of 0 or more: a negative line must not make a sum look right."""
    if len(text) > 40:
        return None
    try:
        number = Decimal(text.strip())
    except DecimalException:
        return None
    if not number.is_finite() or number < 0 or abs(number.adjusted()) > 30:
        return None
    return number


def _joined(text: str, values: Sequence[Value]) -> Value:
    """`text`, made of `values`; what each line said is kept where the text is another one."""
    if len(values) == 1:
        return values[0]
    origins = []
    for value in values:
        for origin in value.origins:
            written = origin.as_written if origin.as_written is not None else value.text
            origins.append(type(origin)(path=origin.path, as_written=written))
    return Value(text=text, origins=tuple(origins))
