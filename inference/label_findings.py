"""What the text of a label says, as findings of `photo.text`."""

from collections.abc import Sequence
from typing import Final, TypedDict

from parcelscope.datasets.label_addresses import AddressBlock, label_addresses
from parcelscope.datasets.label_identifiers import LabelIdentifier, label_identifiers
from parcelscope.datasets.records import Finding, OwnerKind
from parcelscope.datasets.text_lines import TextLine

TEXT: Final = "photo.text"
READ_VIEWS: Final = frozenset({"label", "exterior", None})
"""Views that may show a label; a photo that does not say is tried."""
CONFIDENCE: Final = "confidence of the reader, 0 to 1"


class _Whose(TypedDict):
    owner_id: str
    owner_kind: OwnerKind
    image_path: str | None
    source: str


def text_findings(
    lines: Sequence[TextLine], *, owner_id: str, owner_kind: OwnerKind, image_path: str | None
) -> tuple[Finding, ...]:
    """What `lines` of one photo say, as measurements without a score.

    First how many lines there are (`text.lines`), so that a photo that was read and says nothing
    differs from one that was not read; then the numbers (`text.s10`...), and the addresses
    (`text.address`). No other text is kept.
    """
    whose: _Whose = {
        "owner_id": owner_id,
        "owner_kind": owner_kind,
        "image_path": image_path,
        "source": TEXT,
    }
    count = len(lines)
    told = f"{count} line{'' if count == 1 else 's'} of text could be read on the photo."
    return (
        Finding(code="text.lines", sentence=told, observed=count, unit="lines", **whose),
        *(_number(one, whose) for one in label_identifiers(lines)),
        *(_address(block, whose) for block in label_addresses(lines)),
    )


def _number(one: LabelIdentifier, whose: _Whose) -> Finding:
    kind = "number" if one.kind == "unknown" else one.kind
    repaired = ""
    if one.is_repaired:
        repaired = (
            f"; {_shown(one.raw)} was read, and its letters taken for the digits that make the"
            " check digit hold"
        )
    return Finding(
        code=f"text.{kind}",
        sentence=f"Text on the photo reads {_shown(one.value)}{repaired}.",
        observed=one.line.confidence,
        unit=CONFIDENCE,
        text=one.value,
        box_xyxy=one.line.box_xyxy,
        **whose,
    )


def _address(block: AddressBlock, whose: _Whose) -> Finding:
    address = block.address
    # Name and street are nobody's business who only reads the findings.
    place = " ".join(part for part in (address.postcode, address.country) if part)
    role = {"to": "of the addressee ", "from": "of the sender ", None: ""}[address.role]
    return Finding(
        code="text.address",
        sentence=f"The photo shows an address {role}in {place}.",
        observed=block.confidence,
        unit=CONFIDENCE,
        text=address.to_text(),
        box_xyxy=block.box_xyxy,
        **whose,
    )


def _shown(text: str) -> str:
    shown = "".join(c if c.isprintable() else " " for c in text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
