"""Weighed scans of a feed as the columns that mass is estimated from."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.datasets.errors import ConfigError, DatasetError, ImageError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.scans import Energy, Scan
from parcelscope.datasets.splits import draw_splits, joined_groups
from parcelscope.inference.mass_models import input_of
from parcelscope.inference.one_energy import Shadow, columns_of, shadow_of
from parcelscope.inference.owners import Owner, ScanGroup, owner_shards, read_file, scan_groups
from parcelscope.inference.placing import first_known, read_group
from parcelscope.models.mass_model import MassInput
from parcelscope.training.mass_recipe import MassData, MassRecipe
from parcelscope.training.part import Report

Floats = npt.NDArray[np.float64]
Scanner = tuple[str | None, str | None]
SENDER: Final = ("shipper_name", "shipper_address")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weighed:
    """Scans of parcels and cartons whose weight is known."""

    columns: npt.NDArray[np.float32]
    """(N, D) as `columns_of` names them."""
    absorption_cm2: Floats
    """(N,)"""
    weight_g: Floats
    """(N,) by the scale."""
    owners: tuple[tuple[OwnerKind, str], ...]
    scanners: tuple[Scanner, ...]
    groups: npt.NDArray[np.int64]
    """(N,) equal for scans that share a sender or a carton."""

    def __len__(self) -> int:
        return len(self.weight_g)

    @property
    def log_ratio(self) -> Floats:
        """(N,) logarithm of grams per cm2 of attenuation: what is learned."""
        ratio: Floats = np.log(self.weight_g / self.absorption_cm2)
        return ratio

    def at(self, rows: npt.NDArray[np.intp]) -> "Weighed":
        """Those of `rows`."""
        return Weighed(
            columns=self.columns[rows],
            absorption_cm2=self.absorption_cm2[rows],
            weight_g=self.weight_g[rows],
            owners=tuple(self.owners[row] for row in rows),
            scanners=tuple(self.scanners[row] for row in rows),
            groups=self.groups[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MassSets:
    """What one model is learned from, judged on and calibrated with."""

    train: Weighed
    val: Weighed
    calibration: Weighed
    digest: str
    """Twelve hexadecimal digits over every column and weight."""
    told: str
    """Where it came from, in words."""
    left_out: tuple[str, ...]
    """Sentences on scans that could not be used."""


def load_weighed(recipe: MassRecipe, report: Report) -> MassSets:
    """The weighed scans that `recipe` names, never one sender or carton on two sides.

    Raises:
        ConfigError: If no feed is given.
        FeedError: If the feed cannot be read.
        DatasetError: If too few of its scans can be used.
    """
    folder = recipe.data.feed
    if folder is None:
        raise ConfigError(
            "mass is learned from weighed scans; give data.feed=FOLDER of a feed with"
            " measured_weight_g"
        )
    weighed, left_out = read_weighed(folder, recipe.data, recipe.input, report)
    splits = np.array(
        draw_splits(
            weighed.groups.tolist(),
            val_share=recipe.data.val_share,
            test_share=recipe.data.calibration_share,
            seed=recipe.seed,
        )
    )
    parts = {name: np.flatnonzero(splits == name) for name in ("train", "val", "test")}
    if not all(len(rows) for rows in parts.values()):
        raise DatasetError(
            f"{folder}: expected weighed {recipe.input} scans of several senders or cartons to"
            f" learn from, judge on and calibrate with, got {len(weighed)} of"
            f" {len(np.unique(weighed.groups))}; {'; '.join(left_out) or 'none was left out'}"
        )
    return MassSets(
        train=weighed.at(parts["train"]),
        val=weighed.at(parts["val"]),
        calibration=weighed.at(parts["test"]),
        digest=_digest(weighed),
        told=f"{len(weighed)} weighed {recipe.input} scans of the feed {folder.name}",
        left_out=left_out,
    )


def read_weighed(
    folder: Path, options: MassData, kind: MassInput, report: Report
) -> tuple[Weighed, tuple[str, ...]]:
    """Every usable scan of the feed in `folder`, and sentences on those that are not."""
    feed = read_feed(folder)
    known = _weights(feed, options.owners)
    belongs = _belongs(feed)
    rows: list[tuple[Shadow, tuple[OwnerKind, str], Scanner]] = []
    reasons: Counter[str] = Counter()
    for owner in _owners(feed, options.owners):
        key = (owner.owner_kind, owner.owner_id)
        for group in scan_groups(owner):
            if (group.images[0].station or "arrival") != "arrival":
                continue  # the scale stands at arrival
            if key not in known:
                reasons["have no measured weight"] += 1
                continue
            found = _shadow(group, feed.root, kind)
            if isinstance(found, str):
                reasons[found] += 1
                continue
            rows.append((found, key, _scanner(group)))
            report("read weighed scans", len(rows), min(options.most, len(known)))
        if len(rows) >= options.most:
            break
    left_out = tuple(f"{count} scans left out: {why}" for why, count in reasons.most_common())
    width = len(columns_of(kind))
    groups = joined_groups([[key, *belongs.get(key, ())] for _, key, _ in rows], [])
    weighed = Weighed(
        columns=np.array([one.columns for one, _, _ in rows], np.float32).reshape(-1, width),
        absorption_cm2=np.array([one.absorption_cm2 for one, _, _ in rows], np.float64),
        weight_g=np.array([known[key] for _, key, _ in rows], np.float64),
        owners=tuple(key for _, key, _ in rows),
        scanners=tuple(scanner for _, _, scanner in rows),
        groups=np.array(groups, np.int64),
    )
    return weighed, left_out


def can_be_read_as(scan: Scan, energy: Energy | None, kind: MassInput) -> bool:
    """Whether `scan` shows what a model for `kind` weighs by."""
    if scan.kind == "dual":
        return kind in ("low", "high")
    return input_of(scan, energy) == kind


def _shadow(group: ScanGroup, root: Path, kind: MassInput) -> Shadow | str:
    """The columns of one scan, or in a few words why it has none."""
    try:
        scan = read_group(group, [read_file(image, root) for image in group.images], root)
    except ImageError as error:
        return f"cannot be read ({error.code})"
    if not can_be_read_as(scan, group.images[0].energy, kind):
        return f"are no {kind} scans"
    return shadow_of(scan, kind)


def _owners(feed: Feed, kinds: tuple[OwnerKind, ...]) -> Iterator[Owner]:
    for shard in owner_shards(feed, shard_size=256):
        yield from (owner for owner in shard if owner.owner_kind in kinds)


def _weights(feed: Feed, kinds: tuple[OwnerKind, ...]) -> dict[tuple[OwnerKind, str], float]:
    """What the scale says of each parcel and carton that it weighed."""
    found: dict[tuple[OwnerKind, str], float] = {}
    for kind in kinds:
        table = feed.parcels if kind == "parcel" else feed.cartons
        rows = table.filter(pl.col("measured_weight_g") > 0).select(
            f"{kind}_id", "measured_weight_g"
        )
        found |= {(kind, owner_id): weight for owner_id, weight in rows.iter_rows()}
    return found


def _belongs(feed: Feed) -> dict[tuple[OwnerKind, str], list[Hashable]]:
    """What each parcel and carton must not be parted from: its sender, its carton."""
    found: dict[tuple[OwnerKind, str], list[Hashable]] = {}
    for parcel_id, carton_id, *sender in feed.parcels.select(
        "parcel_id", "carton_id", *SENDER
    ).iter_rows():
        names: list[Hashable] = [("sender", *sender)] if any(sender) else []
        if carton_id is not None:
            names.append(("carton", carton_id))
        found["parcel", parcel_id] = names
    for carton_id in feed.cartons["carton_id"]:
        found["carton", carton_id] = [("carton", carton_id)]
    return found


def _scanner(group: ScanGroup) -> Scanner:
    return (
        first_known([image.scanner_model for image in group.images]),
        first_known([image.scanner_software for image in group.images]),
    )


def _digest(weighed: Weighed) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(weighed.columns).data)
    digest.update(np.ascontiguousarray(weighed.weight_g).data)
    return digest.hexdigest()[:12]
