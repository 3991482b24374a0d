"""The reasons that analysts give with a decision, one key each."""

from typing import Final, Literal

from pydantic import BaseModel, Field, model_validator


class ReasonCode(BaseModel, frozen=True, extra="forbid"):
    """One reason; codes are counted, so they stay as they are when the words change."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    words: str = Field(min_length=1, max_length=80)


class ReasonCodes(BaseModel, frozen=True, extra="forbid"):
    """The reasons for either decision, in the order of the keys 1 to 9."""

    clear: tuple[ReasonCode, ...] = Field(
        default=(
            ReasonCode(code="as_declared", words="What is seen fits the manifest"),
            ReasonCode(code="marks_ordinary", words="The marked places show ordinary things"),
            ReasonCode(code="as_reference", words="Matches the genuine reference"),
            ReasonCode(code="weight_explained", words="Packaging explains the weight"),
            ReasonCode(code="image_fault", words="A fault of the image, not of the parcel"),
            ReasonCode(code="seen_before", words="Like parcels whose exams found nothing"),
            ReasonCode(code="other", words="Another reason, in the note"),
        ),
        min_length=1,
        max_length=9,
    )
    inspect: tuple[ReasonCode, ...] = Field(
        default=(
            ReasonCode(code="differs_from_manifest", words="Differs from the manifest"),
            ReasonCode(code="count_differs", words="More or fewer pieces than declared"),
            ReasonCode(code="differs_from_reference", words="Differs from the genuine reference"),
            ReasonCode(code="item_of_interest", words="A shape like an item of interest"),
            ReasonCode(code="hidden_space", words="A space that cannot be explained"),
            ReasonCode(code="cannot_judge", words="The images do not suffice to judge"),
            ReasonCode(code="other", words="Another reason, in the note"),
        ),
        min_length=1,
        max_length=9,
    )

    @model_validator(mode="after")
    def _codes_differ(self) -> "ReasonCodes":
        for decision in (self.clear, self.inspect):
            codes = [reason.code for reason in decision]
            if len(set(codes)) < len(codes):
                raise ValueError(f"expected each code once, got {', '.join(codes)}")
        return self

    def of(self, decision: Literal["clear", "inspect"]) -> tuple[ReasonCode, ...]:
        """Those for `decision`."""
        return self.clear if decision == "clear" else self.inspect

    def all_codes(self) -> frozenset[str]:
        """Every code there is."""
        return frozenset(reason.code for reason in (*self.clear, *self.inspect))


NOTE_NEEDED: Final = "other"
"""The code that says nothing without a note."""
