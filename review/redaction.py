"""Personal data: which fields of a manifest are, and what roles without a right to it get instead.

Names and addresses of people are personal under any law that we know. The redaction lists of the
policy packs add what they name, such as tracking numbers, which lead to the person.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from parcelscope.review.dossier import Dossier, DossierImage
from parcelscope.screening.policy import Policies, redactions
from parcelscope.screening.policy_rules import RedactedField

HIDDEN: Final = "hidden"
"""Stands where something was taken out."""
HIDDEN_SENTENCE: Final = "Hidden for this role: it tells of a person."
HIDDEN_IMAGE: Final = "Hidden for this role: an address label may be seen in it."
LEAST_CHARACTERS: Final = 3
"""Of a text that is looked for inside of sentences; shorter ones stand in any word."""

ALWAYS_PERSONAL: Final[frozenset[str]] = frozenset(
    {
        "shipper_name", "shipper_address", "shipper_city",
        "consignee_name", "consignee_address", "consignee_city", "consignee_postcode",
        "trader_id",
    }
)  # fmt: skip
"""Columns of a manifest; a postcode may hold one house."""
COLUMNS_OF: Final[Mapping[RedactedField, tuple[str, ...]]] = {
    "tracking_number": ("tracking_number",),
    "exporter_name": ("shipper_name",),
    "exporter_address": ("shipper_address", "shipper_city"),
    "importer_name": ("consignee_name",),
    "importer_address": ("consignee_address", "consignee_city", "consignee_postcode"),
}
"""Columns behind the redacted fields of a policy pack that lead to a person. Serial numbers, lots
and articles lead to goods: they are hidden from right holders, not from officers."""
TELLS_OF_PEOPLE: Final = ("U9.", "U10.", "U17.")
"""Codes whose sentences quote names and addresses, and may shorten them: they go as a whole."""
VIEWS_WITHOUT_LABEL: Final = frozenset({"interior", "product", "mark"})
"""Views of a photo in which no address label is to be expected."""


def personal_columns(policies: Policies | None, day: date) -> frozenset[str]:
    """The columns of a manifest that are personal on `day` under the law of `policies`."""
    listed: set[str] = set()
    for rule in () if policies is None else redactions(policies, day):
        for field in rule.fields:
            listed.update(COLUMNS_OF.get(field, ()))
    return ALWAYS_PERSONAL | listed


def may_show_person(kind: str, view: str | None) -> bool:
    """Whether an image may show an address label: photos of labels, of the outside, of anything."""
    return kind == "photo" and view not in VIEWS_WITHOUT_LABEL


def is_hidden(image: DossierImage, *, sees_personal: bool) -> bool:
    """Whether `image` is kept from a role that does or does not see personal data."""
    return not sees_personal and may_show_person(image.kind, image.view)


def redacted(told: Mapping[str, Any], dossier: Dossier) -> dict[str, Any]:
    """What a role without a right to personal data gets of an item.

    Args:
        told: JSON of the item, as `dossier.shown` began it and routes added to it.
        dossier: Of the same item; says what is personal.

    Returns:
        The same with personal fields hidden, each personal text taken out of every sentence, and
        without the images that may show a label.
    """
    lines = [
        {**line, "declared": _hide(line["declared"]), "seen": _hide(line["seen"])}
        if line["personal"]
        else line
        for line in told["manifest"]
    ]
    images = [
        {**image, "problem": HIDDEN_IMAGE, "marks": [], "zones": [], "references": []}
        if may_show_person(image["kind"], image["view"])
        else image
        for image in told["images"]
    ]
    reasons = [
        {**reason, "sentence": HIDDEN_SENTENCE}
        if reason["code"].startswith(TELLS_OF_PEOPLE)
        else reason
        for reason in told["reasons"]
    ]
    cleaned: dict[str, Any] = without(
        {**told, "reasons": reasons, "manifest": lines, "images": images}, dossier.hidden
    )
    return cleaned


def without(value: Any, hidden: Sequence[str]) -> Any:
    """`value`, JSON, with each of the texts `hidden` taken out of every text in it but of its keys.

    Upper and lower case count alike.
    """
    wanted = sorted({text.casefold() for text in hidden if text.strip()}, key=len, reverse=True)
    return _without(value, [text for text in wanted if len(text) >= LEAST_CHARACTERS])


def hidden_texts(row: Mapping[str, Any], columns: Iterable[str], read: Iterable[str]) -> list[str]:
    """What `redacted` takes out of sentences.

    Args:
        row: The manifest row.
        columns: Personal ones.
        read: Texts that were read in photos, which may be somebody's number.
    """
    declared = (str(row[name]) for name in sorted(columns) if row.get(name) is not None)
    lines = [" ".join(text.split()) for text in (*declared, *read)]
    shortened = [line[:_SHORTENED].rstrip() for line in lines if len(line) > _SHORTENED]
    return list(dict.fromkeys(text for text in (*lines, *shortened) if text))


_SHORTENED: Final = 79
"""Letters that sentences keep of a long text; see `screening.indicators.wording`."""
_NAMES: Final = frozenset({"item_id", "owner_id", "owner_kind", "code", "field", "kind", "state"})
"""Keys whose values are names by which programs find things; none of them is personal."""


def _without(value: Any, hidden: Sequence[str]) -> Any:
    if isinstance(value, str):
        return _cut(value, hidden)
    if isinstance(value, Mapping):
        return {
            key: inner if key in _NAMES else _without(inner, hidden) for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without(inner, hidden) for inner in value]
    return value


def _cut(text: str, hidden: Sequence[str]) -> str:
    for one in hidden:
        at = text.casefold().find(one)
        while at >= 0:
            # Folding may lengthen a letter (ß), so that places in it are not those in the text.
            if text[at : at + len(one)].casefold() != one:
                return HIDDEN
            text = f"{text[:at]}{HIDDEN}{text[at + len(one) :]}"
            at = text.casefold().find(one, at + len(HIDDEN))
    return text


def _hide(text: str | None) -> str | None:
    return None if text is None else HIDDEN
