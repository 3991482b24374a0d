"""`parcelscope bundle diff`: what differs between two bundles, part by part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from parcelscope.models.bundle import Bundle

WORDS = {"genuine": "calibration", "count": "count calibration", "metrics": "figures"}
LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference."""

    where: str
    """The bundle, a detector, or a fusion model."""
    what: str
    before: str
    """Empty where there was nothing."""
    after: str
    """Empty where there is nothing any more."""

    def line(self) -> str:
        """The difference in one line."""
        return f"{self.what}: {self.before or 'none'} -> {self.after or 'none'}"


def diff_bundles(before: Bundle, after: Bundle) -> list[Change]:
    """Every difference of what the cards of two bundles say, the bundle's own first."""
    changes: list[Change] = []
    plain = [name for name in Bundle.model_fields if name != "detectors"]
    for name in plain:
        where = name.replace("_", " ") if name.endswith("fusion") else "bundle"
        pair = _json(before)[name], _json(after)[name]
        changes += _changes(where, "" if where != "bundle" else name, *pair)
    old, new = _by_place(before), _by_place(after)
    for place in dict.fromkeys([*old, *new]):
        if place not in new:
            changes.append(Change(where=place, what="part", before=_part(old[place]), after=""))
        elif place not in old:
            changes.append(Change(where=place, what="part", before="", after=_part(new[place])))
        else:
            changes += _changes(place, "", old[place], new[place])
    return changes


def describe_changes(changes: list[Change]) -> Iterator[str]:
    """Lines for people: each difference under where it is."""
    if not changes:
        yield "the bundles do not differ"
    where = None
    for change in changes:
        if change.where != where:
            where = change.where
            yield where
        yield f"  {change.line()}"


def _json(bundle: Bundle) -> dict[str, Any]:
    return bundle.model_dump(mode="json")


def _by_place(bundle: Bundle) -> dict[str, dict[str, Any]]:
    return {f"{card['detector']} ({card['input']})": card for card in _json(bundle)["detectors"]}


def _part(card: Mapping[str, Any]) -> str:
    return f"{card['file']}, SHA-256 {card['sha256'][:12]}…"


def _changes(where: str, name: str, before: Any, after: Any) -> Iterator[Change]:
    """Differences of two JSON values; mappings are compared key by key."""
    if before == after:
        return
    if name.endswith("sha256"):
        before, after = (f"{value[:12]}…" for value in (before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        if "top" in before and "top" in after:
            before, after = _scores(before), _scores(after)
        else:
            for key in dict.fromkeys([*before, *after]):
                inner = WORDS.get(key, key.replace("_", " ")) if not name else f"{name} {key}"
                yield from _changes(where, inner, before.get(key), after.get(key))
            return
    if isinstance(before, list) and isinstance(after, list):
        if _named(before) and _named(after):
            yield from _changes(where, name, _by_name(before), _by_name(after))
            return
        before, after = _first_difference(before, after)
    yield Change(where=where, what=name, before=_text(before), after=_text(after))


def _named(values: list[Any]) -> bool:
    """Whether each of `values` has a name by which it can be told apart."""
    return all(isinstance(value, dict) and _name_in(value) for value in values)


def _name_in(value: Mapping[str, Any]) -> str:
    keys = ("sku", "scanner_model", "scanner_software", "name")
    return " ".join(str(value[key]) for key in keys if value.get(key))


def _by_name(values: list[dict[str, Any]]) -> dict[str, Any]:
    return {_name_in(value): value for value in values}


def _first_difference(before: list[Any], after: list[Any]) -> tuple[Any, Any]:
    """Two long lists by the first value that differs; short ones as they are."""
    if max(len(_text(before)), len(_text(after))) < LONGEST:
        return before, after
    pairs = zip_longest(before, after)
    at = next(n for n, (old, new) in enumerate(pairs) if old != new)
    one, other = (
        f"{len(values)} values"
        + (f", number {at + 1} is {_text(values[at])}" if at < len(values) else "")
        for values in (before, after)
    )
    return one, other


def _scores(genuine: Mapping[str, Any]) -> str:
    top = genuine["top"]
    return f"{genuine['count']:,} compliant scans, highest {top[0]:g}, lowest kept {top[-1]:g}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict) and "top" in value:
        return _scores(value)
    text = ", ".join(map(_text, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
