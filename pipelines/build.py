"""`parcelscope bundle build`: train the parts, draw a feed, fit the risks on it, write the bundle.

Each step is what its own command does: `train`, `synth feed`, `screen`, `train risk`. Each leaves
its result in the work folder under a name that holds the digest of what it was asked, so that an
interrupted build goes on where it stopped and a changed recipe starts afresh.
"""

import datetime
import json
import logging
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parcelscope.datasets.errors import BundleError
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import TRUTH_FOLDER, synth_feed
from parcelscope.datasets.writing import write_text_whole
from parcelscope.models.bundle import CARD, Bundle, FusionModel, load_bundle
from parcelscope.models.bundle_writing import PART_CARD, copy_synced, named_files, read_part
from parcelscope.models.bundle_writing import write_bundle as write_new_bundle
from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.train import train
from parcelscope.training.bundle_recipe import (
    BundleRecipe,
    FeedStep,
    PartStep,
    digest_of,
    read_bundle_recipe,
)
from parcelscope.training.part import PROVENANCE
from parcelscope.training.recipe_files import read_recipe, recipe_digest

log = logging.getLogger(__name__)

LINE_EVERY_S = 15.0
PROCESSES = 2
"""Networks this small spend more time at the barriers between two threads than the second thread
saves, so that trainings run side by side, on one thread each."""


@dataclass(slots=True)
class Lines:
    """Progress as lines on standard error: two processes write them, which a live bar cannot."""

    of: str = ""
    last_s: dict[str, float] = field(default_factory=dict)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say where `stage` is, unless it was said a moment ago."""
        now_s = time.monotonic()
        if done < total and now_s - self.last_s.get(stage, 0.0) < LINE_EVERY_S:
            return
        self.last_s[stage] = now_s
        _say(f"{self.of}{stage}: {done:,} of {total:,}")


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def build(name: str, *, work: Path, out: Path) -> Bundle:
    """Build the bundle of the recipe called `name`, or in the YAML file of that path.

    Args:
        name: A built-in recipe for a bundle, or a file.
        work: Folder for what is made on the way; kept, a few GB for the built-in bundle.
        out: Folder of the bundle; a bundle that lies there is replaced at the very end.

    Raises:
        ConfigError: If there is no such recipe, or it or that of a part does not say what it must.
        BundleError: If `out` holds something that is no bundle.
        ModuleNotFoundError: If a package that trains is not installed.
    """
    recipe = read_bundle_recipe(name)
    _require_bundle_or_nothing(out)
    _require_trainers(recipe, work)
    started_s = time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    feed = work / f"feed-{digest_of(recipe.feed.model_dump(mode='json'))}"
    parts = make_parts(recipe, feed, work)
    draft, folder = write_draft(recipe, parts, work)
    run = work / f"run-{folder.name.removeprefix('draft-')}-{feed.name.removeprefix('feed-')}"
    screen(feed, run, bundle_folder=folder, progress=Lines())
    bundle = draft.model_copy(
        update={
            "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "parcel_fusion": fit_risk(recipe, "parcel", run=run, feed=feed, work=work),
            "carton_fusion": fit_risk(recipe, "carton", run=run, feed=feed, work=work),
        }
    )
    publish(bundle, {file: folder / file for file in named_files(draft)}, out)
    log.info("built %s in %.0f s", out, time.monotonic() - started_s)
    return bundle


def make_parts(recipe: BundleRecipe, feed: Path, work: Path) -> list[Path]:
    """Folders of all parts, trained two side by side; beside them `feed` is drawn."""
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        chains = [pool.submit(train_chain, recipe, chain, work) for chain in recipe.chains()]
        drawn = pool.submit(draw_feed, recipe.feed, feed)
        steps: list[Future[Any]] = [*chains, drawn]
        done, _ = wait(steps, return_when=FIRST_EXCEPTION)
        failed = next((step for step in done if step.exception() is not None), None)
        if failed is not None:
            _say(f"{failed.exception()}; what is under way is finished and kept")
        pool.shutdown(wait=True, cancel_futures=True)
        if failed is not None:
            failed.result()
        return [part for chain in chains for part in chain.result()]


def train_chain(recipe: BundleRecipe, names: Sequence[str], work: Path) -> list[Path]:
    """Folders of the parts called `names`, trained one after the other unless they are there."""
    return [train_step(name, recipe.parts[name], recipe, work) for name in names]


def train_step(name: str, step: PartStep, recipe: BundleRecipe, work: Path) -> Path:
    """Folder of the part called `name`: trained now, or by an earlier build."""
    overrides = step_overrides(step, recipe, work)
    out = part_folder(name, step, recipe, work)
    if not (out / "part" / PROVENANCE).is_file():
        train(step.recipe, overrides, out=out, resume=True, runs=None, report=Lines(f"{name}: "))
    return out / "part"


def part_folder(name: str, step: PartStep, recipe: BundleRecipe, work: Path) -> Path:
    """Where the training of `step` lies: another recipe has another folder."""
    told, _ = read_recipe(step.recipe, step_overrides(step, recipe, work))
    return work / "parts" / f"{name}-{recipe_digest(told)}"


def step_overrides(step: PartStep, recipe: BundleRecipe, work: Path) -> list[str]:
    """What `step` changes: scans are drawn once for all, and filters stored in 16 bits."""
    overrides = [f"data.cache={work / 'scans'}", "half_weights=true", *step.overrides()]
    if step.start is not None:
        before = part_folder(step.start, recipe.parts[step.start], recipe, work)
        overrides.append(f"start={before / 'weights.pt'}")
    return overrides


def draw_feed(step: FeedStep, folder: Path) -> None:
    """Make the feed of `step` in `folder`, unless it lies there already."""
    if folder.exists():
        return
    config = load_synth_config(None).model_copy(
        update={"violative": step.violative, "cartons": step.cartons}
    )
    lines = Lines()
    synth_feed(
        folder,
        parcels=step.parcels,
        seed=step.seed,
        config=config,
        workers=1,
        progress=lambda done, total: lines("draw feed", done, total),
    )


def write_draft(recipe: BundleRecipe, parts: Sequence[Path], work: Path) -> tuple[Bundle, Path]:
    """The bundle of `parts` with risks that have yet to be fitted, and the folder it lies in."""
    cards = [read_part(part) for part in parts]
    flat = FusionModel(intercept=-3.0, weights={}, knots_logit=(-6, 6), knots_risk=(0.01, 0.99))
    draft = Bundle(
        name=recipe.name,
        version=recipe.version,
        licence=recipe.licence,
        created="",
        training_data=f"generated by parcelscope, bundle recipe {recipe.name} {recipe.digest()}",
        detectors=tuple(cards),
        parcel_fusion=flat,
        carton_fusion=flat,
        notes=recipe.notes,
    )
    folder = work / f"draft-{digest_of(draft.model_dump(mode='json'))}"
    if not folder.exists():
        sources = {card.file: part / card.file for card, part in zip(cards, parts, strict=True)}
        write_new_bundle(draft, sources, folder)
    return draft, folder


def fit_risk(
    recipe: BundleRecipe, owner: OwnerKind, *, run: Path, feed: Path, work: Path
) -> FusionModel:
    """The risk of `owner`s, fitted on the screened `run` of `feed` and its truth."""
    places = [f"run={run}", f"truth={feed / TRUTH_FOLDER}", f"feed={feed}", f"owner={owner}"]
    overrides = [*recipe.risk.overrides(), *places]
    told, _ = read_recipe(recipe.risk.recipe, overrides)
    out = work / "parts" / f"risk-{owner}-{recipe_digest(told)}"
    part = train(
        recipe.risk.recipe, overrides, out=out, resume=True, runs=None, report=Lines(f"{owner}: ")
    )
    return FusionModel.model_validate_json((part.folder / PART_CARD).read_bytes())


def publish(bundle: Bundle, sources: dict[str, Path], out: Path) -> None:
    """Put `bundle` into `out`, in place of the bundle there: graphs first, the card last."""
    out.mkdir(parents=True, exist_ok=True)
    before = set(named_files(load_bundle(out)[0])) if (out / CARD).is_file() else set()
    for name, source in sources.items():
        copy_synced(source, out / name)
    write_text_whole(out / CARD, json.dumps(bundle.model_dump(mode="json"), indent=1) + "\n")
    for name in before - set(sources):
        (out / name).unlink()
    load_bundle(out)


def _require_trainers(recipe: BundleRecipe, work: Path) -> None:
    """Read every recipe and import what trains by it, before hours go by."""
    for step in recipe.parts.values():
        _, trainer = read_recipe(step.recipe, step_overrides(step, recipe, work))
        trainer.train()
    _, trainer = read_recipe(recipe.risk.recipe, recipe.risk.overrides())
    trainer.train()


def _require_bundle_or_nothing(out: Path) -> None:
    """Refuse to build where something else is, before hours go by."""
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / CARD).is_file()):
        raise BundleError(f"{out}: expected a new or empty folder, or a bundle to replace")
