"""What a run, or one process's share of it, came to, in a few lines."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from parcelscope.pipelines.progress import duration
from parcelscope.pipelines.run_folder import REPORT, RunCounts
from parcelscope.pipelines.shadow import ShadowCard


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a run came to."""

    folder: Path
    counts: RunCounts
    seconds: float
    shadow: ShadowCard | None = None
    """What became of the challenger, where one was tried out."""
    was_complete: bool = False
    """Whether the run had been complete before, and nothing was left to do."""
    offered: Path | None = None
    """What to name to `parcelscope review`; None is the run folder."""
    history: str | None = None
    """Where earlier windows were looked up; None where only this feed was looked at."""

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.folder / REPORT

    def lines(self) -> Iterator[str]:
        """The result in a few lines."""
        if self.was_complete:
            yield f"{self.folder} is complete already; nothing was left to do."
        counts = self.counts
        for name in ("parcels", "cartons", "images"):
            table = getattr(counts, name)
            missing = f", {table.missing:,} missing" if table.missing else ""
            degraded = f", {table.degraded:,} degraded" if table.degraded else ""
            yield (
                f"{name:<8}{table.rows:>9,} rows: {table.assessed:,} assessed,"
                f" {table.quarantined:,} quarantined{degraded}{missing}"
            )
        yield f"{'flagged':<8}{counts.flagged:>9,}: {arm_counts(counts)}"
        if self.history is None:
            yield (
                "numbers used again were looked for in this feed alone; --history names a database"
                " of earlier ones"
            )
        if self.shadow is not None:
            yield f"{'shadow':<8} {self.shadow.line()}"
        took = "It took" if self.was_complete else "Took"
        yield f"{took} {duration(self.seconds)}. Report: {self.report}"
        if counts.flagged:
            yield f"Review what was flagged: {review_command(self.offered or self.folder)}"


def review_command(folder: Path) -> str:
    """What to type to review the run in `folder`, or below it."""
    # A run folder that is named like a subcommand would be taken for it.
    name = str(folder)
    return f"parcelscope review {shlex.quote(name if '/' in name else f'./{name}')}"


def arm_counts(counts: RunCounts) -> str:
    """How the flags came about: `7 targeted, 1 at random`."""
    told = [f"{counts.flagged_targeted:,} targeted"]
    if counts.flagged_uncertain:
        told.append(f"{counts.flagged_uncertain:,} uncertain")
    told.append(f"{counts.flagged_random:,} at random")
    if counts.with_carton:
        parcels = "parcel" if counts.with_carton == 1 else "parcels"
        told.append(f"{counts.with_carton:,} {parcels} with a carton")
    return ", ".join(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareSummary:
    """What one of several processes came to, while others are still at work."""

    folder: Path
    shards: int
    """Shards of the run."""
    done: int
    """Those that are committed, by whomever."""

    def lines(self) -> Iterator[str]:
        """The result in a few lines."""
        yield (
            f"{self.folder}: this process's shards are done, {self.done:,} of {self.shards:,} of"
            " the run; whoever commits the last one screens the window and writes the report"
        )
