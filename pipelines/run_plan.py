"""The plan of a run, `plan.json`: what the run is of, and all that decides its results.

It is written first. Whoever comes later, to go on or to help, must have the same in hand.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.errors import RunError, first_fault
from parcelscope.datasets.feed import find_table
from parcelscope.datasets.schema import CARTONS, IMAGES, PARCELS, STEP_WEDGES
from parcelscope.datasets.writing import write_text_whole
from parcelscope.pipelines.run_folder import CARD, PLAN, BundleName, require_free

_NOT_DECISIVE: Final = frozenset({"python"})
"""Versions that `run.json` records, but that do not decide a score."""
_BLOCK_BYTES: Final = 1 << 20


class Fingerprint(BaseModel, frozen=True, extra="forbid"):
    """All that decides what a run comes to. Another fingerprint is another run."""

    bundle: BundleName
    config: dict[str, Any]
    """The screening configuration, budget included."""
    packs: dict[str, str] = {}
    """Fingerprint of each pack of indicators; none in plans of earlier releases."""
    standing: dict[str, str] = {}
    """SHA-256 of policy packs, exchange rates and traders; none in plans of earlier releases."""
    seed: int
    provider: dict[str, str]
    """What the models run on: name, version, precision that was found."""
    versions: dict[str, str]
    tables: dict[str, str]
    """SHA-256 of each table of the feed; files of images are in the digests of the shards."""
    shard_size: int = Field(ge=1)

    @property
    def digest(self) -> str:
        """SHA-256 of it all."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, now: "Fingerprint") -> Iterator[str]:
        """In what `now` differs, each as a few words."""
        if self.bundle != now.bundle:
            yield f"the bundle was {_bundle(self.bundle)}, now is {_bundle(now.bundle)}"
        for name in ("seed", "shard_size"):
            was, is_now = getattr(self, name), getattr(now, name)
            if was != is_now:
                yield f"{name} was {was}, now is {is_now}"
        yield from _changes("the configuration's ", self.config, now.config)
        yield from _changes("the indicator pack ", self.packs, now.packs)
        yield from _changes("the provider's ", self.provider, now.provider)
        yield from _changes("the version of ", self.versions, now.versions)
        for name in sorted({*self.standing, *now.standing}):
            if self.standing.get(name) != now.standing.get(name):
                yield f"the set of {name} is another"
        for table in sorted({*self.tables, *now.tables}):
            if self.tables.get(table) != now.tables.get(table):
                yield f"the feed's table {table} is another"


class RunPlan(BaseModel, frozen=True, extra="forbid"):
    """`plan.json`."""

    format_version: Literal[1] = 1
    run_id: str
    created: str
    """When the run began, UTC, ISO 8601."""
    feed: str
    database: str | None
    """URL of the database that holds the ledger, without its password; None is a file of the run's
    own."""
    history: str | None = None
    """URL of a history of its own, without its password; None is that in `database`, or none."""
    owners: int = Field(ge=0)
    """Parcels and cartons to score."""
    shards: int = Field(ge=0)
    fingerprint: Fingerprint


def settled_plan(folder: Path, plan: RunPlan, *, cleared: bool = False) -> RunPlan:
    """The plan of the run in `folder`: `plan` if it is the first, else the one that is there.

    Args:
        folder: The run folder.
        plan: What the run is to be.
        cleared: Whether a run was deleted there just now; what others put beside it may stay.

    Raises:
        RunError: If the run there is of something else, or the folder holds something else.
    """
    there = read_plan(folder)
    if there is None:
        if not cleared:
            require_free_or_planned(folder)
        try:
            text = plan.model_dump_json(indent=2) + "\n"
            write_text_whole(folder / PLAN, text, replace=False)
        except FileExistsError:
            there = read_plan(folder)  # a helper that started at the same moment was faster
        else:
            return plan
    if there is None:
        raise RunError(f"{folder}: its {PLAN} went away while the run began; try again")
    _require_same(folder, there, plan)
    return there


def require_free_or_planned(folder: Path) -> None:
    """Refuse a folder that holds anything but a run that can go on.

    Raises:
        RunError: If it does.
    """
    if (folder / PLAN).is_file():
        return
    if (folder / CARD).is_file():
        raise RunError(
            f"{folder}: holds a run of an earlier release, which cannot go on;"
            " name another --out, or start over with --fresh"
        )
    require_free(folder)


def read_plan(folder: Path) -> RunPlan | None:
    """The plan of the run in `folder`, or None where there is none.

    Raises:
        RunError: If it cannot be understood.
    """
    path = folder / PLAN
    try:
        return RunPlan.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError as error:
        raise RunError(f"{path}: {first_fault(error.errors())}") from None


def decisive(versions: Mapping[str, str]) -> dict[str, str]:
    """Those of `versions` that can change a score."""
    return {name: value for name, value in versions.items() if name not in _NOT_DECISIVE}


def table_digests(feed_folder: Path) -> dict[str, str]:
    """SHA-256 of the file of each table that the feed has."""
    found = {}
    for schema in (PARCELS, CARTONS, IMAGES, STEP_WEDGES):
        path = find_table(feed_folder, schema.name)
        if path is None:
            continue
        told = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                told.update(block)
        found[schema.name] = told.hexdigest()
    return found


def _require_same(folder: Path, there: RunPlan, now: RunPlan) -> None:
    differences = list(there.fingerprint.differences(now.fingerprint))
    if there.database != now.database:
        differences.append(
            f"its database was {there.database or 'the file in the run folder'},"
            f" now is {now.database or 'the file in the run folder'}"
        )
    if there.history != now.history:
        differences.append(
            f"its history was {there.history or 'none'}, now is {now.history or 'none'}"
        )
    if differences:
        raise RunError(
            f"{folder}: already holds a run of something else: {'; '.join(differences)};"
            " name another --out, or start over with --fresh"
        )


def _changes(what: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*was, *now}):
        before, after = was.get(name), now.get(name)
        if before == after:
            continue
        plain = all(isinstance(value, str | int | float | None) for value in (before, after))
        yield f"{what}{name} was {before}, now is {after}" if plain else f"{what}{name} is another"


def _bundle(bundle: BundleName) -> str:
    return f"{bundle.name} {bundle.version} ({bundle.digest[:12]}…)"
