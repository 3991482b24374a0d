"""The customs declaration of one postal item, with the content of forms CN22 and CN23, as JSON.

The names are our own; nothing here claims to be a message of the Universal Postal Union.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

WeightUnit = Literal["g", "kg", "lb", "oz"]
_MOST_ROUNDS = 50
"""Each round of pruning takes out at least one value; nobody writes as many by accident."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Party(_Strict):
    """Sender or addressee."""

    name: str | None = None
    business: str | None = None
    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2.")
    email: str | None = None
    phone: str | None = None


class ContentLine(_Strict):
    """One line of the declared contents."""

    description: str | None = None
    quantity: float | None = Field(default=None, ge=0, description="Units of goods.")
    net_weight: float | None = Field(default=None, ge=0, description="In `weight_unit`.")
    value: float | None = Field(default=None, ge=0, description="In `currency`.")
    currency: str | None = Field(
        default=None, description="ISO 4217; the declaration's where left out."
    )
    hs_code: str | None = Field(default=None, description="Six digits of HS, or up to ten.")
    origin_country: str | None = Field(default=None, description="ISO 3166-1 alpha-2.")


class Declaration(_Strict):
    """The declaration of one postal item, on form CN22 or CN23."""

    item_id: str = Field(min_length=1, max_length=200, description="S10 number, or the post's own.")
    message_id: str | None = Field(default=None, description="Of the message that brought it.")
    form: Literal["CN22", "CN23"] | None = None
    category: (
        Literal[
            "gift", "documents", "sale_of_goods", "commercial_sample", "returned_goods", "other"
        ]
        | None
    ) = None
    receptacle_id: str | None = Field(default=None, description="S9 number of the bag or tray.")
    weight_unit: WeightUnit = "kg"
    currency: str | None = Field(default=None, description="ISO 4217, of all values without one.")
    gross_weight: float | None = Field(default=None, ge=0, description="In `weight_unit`.")
    total_value: float | None = Field(default=None, ge=0, description="In `currency`.")
    pieces: int | None = Field(default=None, ge=0, description="Outer packing units; one mostly.")
    sender: Party | None = None
    addressee: Party | None = None
    lines: list[ContentLine] = Field(default_factory=list, max_length=1000)
    postal_charges: float | None = Field(default=None, ge=0)
    invoice_number: str | None = None
    licence_number: str | None = None
    certificate_number: str | None = None
    comments: str | None = None
    office_of_posting: str | None = None
    posted_at: datetime | None = None
    non_delivery: str | None = Field(default=None, description="What to do if undeliverable.")
    data_received_at: datetime | None = None
    arrived_at: datetime | None = None
    facility: str | None = None
    lane: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One value of a declaration that was taken out of it."""

    field: str
    is_unknown: bool
    """Whether the schema has no such field, so that nothing was lost by it."""
    path: str
    """Such as `$.lines[2].value`."""
    expected: str
    got: object


def validated(raw: Mapping[str, Any]) -> tuple[Declaration | None, list[Fault]]:
    """The declaration in `raw` without the values that do not fit, and these values.

    None where what is left has no `item_id`: then there is nothing to call it by.
    """
    rest: dict[str, Any] = dict(raw)
    faults: list[Fault] = []
    for _ in range(_MOST_ROUNDS):
        try:
            return Declaration.model_validate(rest), faults
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                where = problem["loc"]
                got = problem["input"] if problem["type"] != "missing" else "nothing"
                expected = _expected(problem["type"], problem["msg"])
                faults.append(
                    Fault(
                        field=next((str(part) for part in reversed(where) if part != ""), ""),
                        is_unknown=problem["type"] == "extra_forbidden",
                        path=_path(where),
                        expected=expected,
                        got=got,
                    )
                )
                if where[:1] == ("item_id",) or not where or problem["type"] == "missing":
                    return None, faults
                rest = _without(rest, where)
    expected = f"at most {_MOST_ROUNDS} rounds of faults"
    faults.append(Fault(field="", is_unknown=False, path="$", expected=expected, got="more"))
    return None, faults


def _expected(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "a field of the schema; `parcelscope manifest schema` prints it"
    if kind == "missing":
        return "this field"
    words = message.removeprefix("Input should be ")
    return words if words[:2] in ("a ", "an") else f"a value {words}"


def _path(where: Sequence[str | int]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)


def _without(raw: Any, where: Sequence[str | int]) -> Any:
    """A copy of `raw` with the value at `where` taken out; items of lists become empty."""
    first, rest = where[0], where[1:]
    if isinstance(raw, dict):
        if first not in raw:  # a branch of a union in the path of the error
            return {} if not rest else _without(raw, rest)
        if not rest:
            return {name: value for name, value in raw.items() if name != first}
        return {**raw, first: _without(raw[first], rest)}
    if isinstance(raw, list) and isinstance(first, int) and first < len(raw):
        inner = {} if not rest else _without(raw[first], rest)
        return [*raw[:first], inner, *raw[first + 1 :]]
    return {}
