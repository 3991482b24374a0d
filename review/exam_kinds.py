"""What officers choose from when they log an exam: kinds of violations, and why there was none."""

from pydantic import BaseModel, Field, model_validator

from parcelscope.review.reasons import ReasonCode


class ExamKinds(BaseModel, frozen=True, extra="forbid"):
    """The choices on the phone, in their order; codes are counted, words may change."""

    violation: tuple[ReasonCode, ...] = Field(
        default=(
            ReasonCode(code="undeclared", words="Goods that were not declared"),
            ReasonCode(code="other_goods", words="Other goods than declared"),
            ReasonCode(code="quantity", words="More or fewer than declared"),
            ReasonCode(code="value", words="Worth more than declared"),
            ReasonCode(code="mark", words="A mark that differs from the genuine one"),
            ReasonCode(code="restricted", words="Goods that need a permit, or may not enter"),
            ReasonCode(code="other", words="Something else"),
        ),
        min_length=1,
        max_length=12,
    )
    not_examined: tuple[ReasonCode, ...] = Field(
        default=(
            ReasonCode(code="gone", words="It had gone already"),
            ReasonCode(code="not_found", words="It could not be found"),
            ReasonCode(code="no_time", words="There was no time"),
            ReasonCode(code="elsewhere", words="Another office has it"),
            ReasonCode(code="other", words="Something else"),
        ),
        min_length=1,
        max_length=12,
    )

    @model_validator(mode="after")
    def _codes_differ(self) -> "ExamKinds":
        for kinds in (self.violation, self.not_examined):
            codes = [kind.code for kind in kinds]
            if len(set(codes)) < len(codes):
                raise ValueError(f"expected each code once, got {', '.join(codes)}")
        return self

    def words_of(self, outcome: str, code: str) -> str:
        """What `code` of `outcome` says; the code itself where it is known no more."""
        kinds = {"violation": self.violation, "not_examined": self.not_examined}.get(outcome, ())
        return next((kind.words for kind in kinds if kind.code == code), code)

    def is_known(self, outcome: str, code: str) -> bool:
        """Whether `code` may be chosen with `outcome`; nothing found needs none."""
        kinds = {"violation": self.violation, "not_examined": self.not_examined}.get(outcome, ())
        return code in {kind.code for kind in kinds} if kinds else code == ""
