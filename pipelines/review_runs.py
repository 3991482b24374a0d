"""Runs come to review: what a finished run flagged is enrolled, with all that pages show of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from parcelscope.datasets.errors import RunError
from parcelscope.pipelines.progress import Report, silent
from parcelscope.pipelines.review_digest import enrolment_digest
from parcelscope.pipelines.review_dossiers import Gathered, dossiers, gather
from parcelscope.pipelines.review_scoring import Scoring, scoring_of
from parcelscope.pipelines.review_tables import WITH_CARTON, ReviewTables, read_review_tables
from parcelscope.pipelines.run_folder import CARD, RunCard, read_card
from parcelscope.review.dossier import Dossier
from parcelscope.review.enrolments import forget, keep, unchanged
from parcelscope.review.items import Enrolled, NewItem, enrol
from parcelscope.review.similar import Vector, keep_vectors

RUNS: Final = Path("runs")
"""Where run folders lie unless somebody says otherwise."""
DEPTH: Final = 3
"""Folders below which runs are looked for: `runs/demo/run` is two below `runs`."""
MOST_DESCRIPTION: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnrolled:
    """A run that came to review."""

    folder: Path
    run_id: str
    created: str
    enrolled: Enrolled
    is_unchanged: bool
    """Whether it was enrolled before, just so, and therefore not gone through."""
    without_bundle: bool
    """Whether the bundle that scored it was not at hand, so that less is marked and weighed."""


def runs_below(folder: Path) -> list[Path]:
    """The complete runs in `folder` or below it, the newest first.

    What is no run, or a run of another release that cannot be read, is passed over.
    """
    found = []
    for depth in range(DEPTH + 1):
        for card in folder.glob("/".join(["*"] * depth + [CARD])):
            try:
                found.append((read_card(card.parent).created, str(card.parent)))
            except (RunError, OSError):
                continue
    return [Path(name) for _, name in sorted(found, reverse=True)]


def run_in(folder: Path) -> Path:
    """The run in `folder`, or the newest one below it: `runs/demo` holds its feed beside its run.

    Raises:
        RunError: If there is none.
    """
    return folder if (folder / CARD).is_file() else latest_run(folder)


def latest_run(folder: Path = RUNS) -> Path:
    """The newest complete run in `folder` or below it.

    Raises:
        RunError: If there is none.
    """
    found = runs_below(folder)
    if not found:
        raise RunError(
            f"{folder}: expected a complete run in it or below it, found none; score a feed with"
            " `parcelscope screen FEED --out runs/NAME`, or try `parcelscope demo --out runs/demo`"
        )
    return found[0]


def enrol_run(
    engine: Engine,
    folder: Path,
    *,
    bundle_folder: Path | None = None,
    feed_folder: Path | None = None,
    progress: Report = silent,
) -> RunEnrolled:
    """Put what the run in `folder`, or below it, flagged into the queue of the review database.

    Doing it again changes nothing, and takes no time while run, feed tables, bundle and this code
    are the same; a newer run of the same parcels changes what the model says of them, and nothing
    that people did.

    Args:
        engine: The review database.
        folder: A complete run, or a folder above it.
        bundle_folder: Models that scored it; None looks at the built-in ones and beside the run.
        feed_folder: Where its feed lies now; None is where it lay.
        progress: Told how far it is.

    Raises:
        RunError: If there is no complete run, or its feed is gone.
        FeedError: If the feed cannot be read.
        BundleError: If `bundle_folder` is not what scored the run.
    """
    folder = run_in(folder)
    card = read_card(folder)
    scoring = scoring_of(folder, card, bundle_folder)
    digest = enrolment_digest(folder, card, scoring, feed_folder)
    known = None if digest is None else unchanged(engine, card.run_id, digest)
    if known is None:
        enrolled = _enrol_all(engine, folder, feed_folder, scoring, progress)
        if digest is not None:
            keep(engine, card.run_id, digest, enrolled.new + enrolled.changed + enrolled.same)
    else:
        enrolled = Enrolled(new=0, changed=0, same=known)
    return RunEnrolled(
        folder=folder,
        run_id=card.run_id,
        created=card.created,
        enrolled=enrolled,
        is_unchanged=known is not None,
        without_bundle=scoring.bundle is None,
    )


def _enrol_all(
    engine: Engine, folder: Path, feed_folder: Path | None, scoring: Scoring, progress: Report
) -> Enrolled:
    """Enrol everything that the run in `folder` flagged, changed or not."""
    tables = read_review_tables(folder, feed_folder)
    gathered = gather(tables, scoring, threshold_version(tables.card))
    items: list[NewItem] = []
    vectors: dict[str, Vector] = {}
    by_path = _embeddings(tables)
    total = tables.owners.height
    for number, (assessed, dossier) in enumerate(dossiers(gathered), start=1):
        item = _item(gathered, assessed, dossier)
        items.append(item)
        vectors |= _vector(item.item_id, dossier, by_path)
        if number % 500 == 0 or number == total:
            progress("gathering", number, total)
    # Cut off on the way, it is not enrolled whole, even if all is again as it was the time before.
    forget(engine, tables.card.run_id)
    enrolled = enrol(engine, items, tables.card.run_id)
    keep_vectors(engine, vectors)
    return enrolled


def threshold_version(card: RunCard) -> str:
    """What the screening configuration of a run is called: twelve digits of its SHA-256."""
    text = json.dumps(card.config, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def priority_of(item_id: str, risk: float | None, arm: str | None, *, flagged: bool) -> float:
    """How early something is reviewed, bigger first.

    Flags come by risk. Those drawn at random are strewn among them by their id, whatever their
    risk: at the end of a queue that never empties nobody would look at them, and beside each other
    everybody would know what they are. What comes with a flagged carton comes last, since the
    carton's own decision may settle it.
    """
    by_risk = -1.0 if risk is None else risk
    if not flagged:
        return by_risk - 10.0
    if arm == "random" or risk is None:
        return max(by_risk, int(item_id[:8], 16) / 2**32)
    return by_risk


def _embeddings(tables: ReviewTables) -> dict[tuple[str, str, str], Vector]:
    """Where scans lie among all scans, by kind and id of their owner, and path."""
    columns = ("owner_kind", "owner_id", "image_path", "version", "vector")
    return {
        (kind, owner_id, path): Vector(version=version, values=vector)
        for kind, owner_id, path, version, vector in tables.embeddings.select(columns).iter_rows()
    }


def _vector(
    item_id: str, dossier: Dossier, by_path: Mapping[tuple[str, str, str], Vector]
) -> dict[str, Vector]:
    """The vector of the first scan that has one, by `item_id`; nothing where none has."""
    for image in dossier.images:
        found = by_path.get((dossier.owner_kind, dossier.owner_id, image.files[0].path))
        if found is not None:
            return {item_id: found}
    return {}


def _item(gathered: Gathered, assessed: dict[str, Any], dossier: Dossier) -> NewItem:
    kind, owner_id = dossier.owner_kind, dossier.owner_id
    manifest = gathered.manifest.get((kind, owner_id), {})
    arm = assessed.get("flag_arm") or assessed.get("arm")
    return NewItem(
        owner_kind=kind,
        owner_id=owner_id,
        facility=manifest.get("facility"),
        lane=manifest.get("lane"),
        carton_id=manifest.get("carton_id") if kind == "parcel" else None,
        arm=arm,
        propensity=assessed.get("propensity"),
        risk=assessed["risk"],
        band=assessed["band"],
        priority=priority_of(
            gathered.cartons.item_ids[kind, owner_id],
            assessed["risk"],
            arm,
            flagged=arm != WITH_CARTON,
        ),
        reason_codes=tuple(assessed["reason_codes"] or ()),
        description=_description(dossier, manifest),
        dossier=dossier.model_dump(mode="json"),
    )


def _description(dossier: Dossier, manifest: dict[str, Any]) -> str:
    """What the queue lists it as."""
    if dossier.owner_kind == "parcel":
        return " ".join(str(manifest.get("description") or "").split())[:MOST_DESCRIPTION]
    pieces = manifest.get("pieces_manifested")
    if pieces is None:
        return "master carton"
    return f"master carton of {pieces:,} piece{'' if pieces == 1 else 's'}"
