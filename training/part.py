"""A trained part: a folder with the graph, its card, its learning curve and where it came from."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from parcelscope.datasets.writing import write_text_whole
from parcelscope.training.tracking import Tracker

CARD = "card.json"
PROVENANCE = "part.json"
Report = Callable[[str, int, int], None]
"""Called with a step's name, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a trainer is given beside its recipe."""

    recipe_name: str
    out: Path
    """Folder of this training; `work/` and `part/` in it are the trainer's."""
    fingerprint: str
    """Names recipe and its overrides; trainers add the digest of their data."""
    report: Report
    tracker: Tracker

    @property
    def work(self) -> Path:
        """For what is needed to go on after an interruption; may be deleted when it is done."""
        return self.out / "work"

    @property
    def part(self) -> Path:
        """For the result."""
        return self.out / "part"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedPart:
    """What a training made."""

    folder: Path
    files: tuple[str, ...]
    """Graphs in it, beside the card."""
    card: BaseModel
    """A `DetectorCard`, or what the bundle holds for parts of another kind."""
    metrics: Mapping[str, float]
    data_digest: str
    remarks: tuple[str, ...] = ()
    """Sentences for the user: what could not be calibrated, and what it would need."""


def write_part(part: TrainedPart, *, trains: str, job: Job) -> None:
    """Write the card, and where the part came from, beside its files."""
    card = json.dumps(part.card.model_dump(mode="json"), indent=1)
    provenance = {
        "trains": trains,
        "recipe": job.recipe_name,
        "recipe_digest": job.fingerprint,
        "data_digest": part.data_digest,
        "tracking_run": job.tracker.run_id,
        "files": list(part.files),
        "metrics": dict(part.metrics),
        "remarks": list(part.remarks),
    }
    write_text_whole(part.folder / CARD, card + "\n")
    write_text_whole(part.folder / PROVENANCE, json.dumps(provenance, indent=1) + "\n")
