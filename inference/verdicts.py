"""What became of each image, and the one place where a failure turns into a verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeVar

from parcelscope.datasets.embeddings import ScanEmbedding
from parcelscope.datasets.errors import ImageError, RunError
from parcelscope.datasets.records import Finding, NotAssessed, OwnerKind
from parcelscope.inference.decoding import UnforeseenError
from parcelscope.inference.detectors import ScoreError
from parcelscope.inference.owners import ImageRow, Owner
from parcelscope.inference.sessions import first_line

T = TypeVar("T")
Verdict = Literal["assessed", "degraded", "missing", "quarantined"]
"""`degraded`: it was read, but a check failed on it; `quarantined`: it could not be read."""
READ: Final = "read"
"""Stage of what happens before any check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageVerdict:
    """What became of one row of the images table; every row gets exactly one."""

    row: int
    path: str
    owner_id: str
    owner_kind: OwnerKind
    verdict: Verdict
    stage: str | None = None
    """Where it failed: `read`, or the check; None when assessed."""
    error_class: str | None = None
    code: str | None = None
    """Short and stable, for counting."""
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why something could not be done."""

    error_class: str
    code: str
    message: str


@dataclass(slots=True)
class Outcome:
    """What has been said so far about some owners."""

    findings: list[Finding] = field(default_factory=list)
    not_assessed: list[NotAssessed] = field(default_factory=list)
    verdicts: list[ImageVerdict] = field(default_factory=list)
    embeddings: list[ScanEmbedding] = field(default_factory=list)

    def cannot_assess(self, owner: Owner, checks: Sequence[str], reason: str) -> None:
        """Note that `checks` could not be made on `owner`."""
        self.not_assessed += [
            NotAssessed(
                owner_id=owner.owner_id, owner_kind=owner.owner_kind, check=check, reason=reason
            )
            for check in checks
        ]

    def close(
        self,
        owner: Owner,
        images: Sequence[ImageRow],
        failure: Failure | None = None,
        *,
        stage: str | None = None,
    ) -> None:
        """Give each of `images` its verdict: assessed, or what `failure` at `stage` makes of it."""
        verdict: Verdict = "assessed"
        if failure is not None:
            verdict = "quarantined" if stage == READ else "degraded"
            verdict = "missing" if failure.code == "missing" else verdict
        self.verdicts += [
            ImageVerdict(
                row=image.row,
                path=image.path,
                owner_id=owner.owner_id,
                owner_kind=owner.owner_kind,
                verdict=verdict,
                stage=stage if failure is not None else None,
                error_class=failure.error_class if failure is not None else None,
                code=failure.code if failure is not None else None,
                message=failure.message if failure is not None else None,
            )
            for image in images
        ]

    def sorted_by(self, owners: Sequence[Owner]) -> "Outcome":
        """The same, owner by owner in their order, so that it does not show who shared a batch."""
        place = {(owner.owner_id, owner.owner_kind): n for n, owner in enumerate(owners)}

        def by_owner(said: Finding | NotAssessed | ImageVerdict | ScanEmbedding) -> int:
            return place[said.owner_id, said.owner_kind]

        return Outcome(
            findings=sorted(self.findings, key=by_owner),
            not_assessed=sorted(self.not_assessed, key=by_owner),
            verdicts=sorted(self.verdicts, key=by_owner),
            embeddings=sorted(self.embeddings, key=by_owner),
        )


def attempt(work: Callable[[], T], *, root: Path) -> T | Failure:
    """What `work` gives, or why it failed, with file names relative to `root`.

    Raises:
        RunError: What `work` raises of these is about the run, not about the item.
    """
    try:
        return work()
    except RunError:
        raise
    except UnforeseenError as error:
        return Failure(
            error_class=error.error_class, code="unexpected", message=_within(root, str(error))
        )
    except (ImageError, ScoreError) as error:
        return Failure(
            error_class=type(error).__name__, code=error.code, message=_within(root, str(error))
        )
    # The files come from outside, and six decoders and a runtime raise what they like on bytes
    # that nobody foresaw. One such file must cost its own parcel a check, not a million parcels
    # their run; it is kept in quarantine with the error's class and message, never dropped.
    except Exception as error:
        return Failure(
            error_class=type(error).__name__,
            code="unexpected",
            message=_within(root, first_line(error)),
        )


def _within(root: Path, message: str) -> str:
    """`message` with paths as the feed has them: equal for a feed that lies elsewhere."""
    return message if root == Path() else message.replace(f"{root}/", "")
