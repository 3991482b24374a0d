"""What a worker does with a shard: score it, write its parts, commit."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from parcelscope.datasets.embeddings import embeddings_frame
from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.feed_urls import absolute_feed
from parcelscope.datasets.records import findings_frame, not_assessed_frame
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import ShardResult, never, score_shards
from parcelscope.inference.executors import ShardWorker
from parcelscope.inference.intake import TRUSTED, Intake
from parcelscope.inference.label_reading import require_reader
from parcelscope.inference.ledger import Done, Ledger, RunRow, open_ledger
from parcelscope.inference.providers import ProviderChoice
from parcelscope.inference.shards import PartFile, ShardPlan, ShardReceipt, ShardSpec
from parcelscope.inference.sinks import Sink
from parcelscope.inference.weighing import gauges_of
from parcelscope.models.signature import load_trusted_bundle
from parcelscope.pipelines.accounts import verdict_frame
from parcelscope.pipelines.run_folder import write_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a worker needs in hand, in the process that it works in."""

    feed: Feed
    plan: ShardPlan
    detectors: Detectors
    ledger: Ledger
    scored: Callable[[int], None] | None = None
    """Told after every micro-shard how many owners this worker has scored."""
    cancelled: Callable[[], bool] = never


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecipe:
    """Makes a worker, here or in another process, which then loads everything anew."""

    feed_folder: Path
    bundle_folder: Path
    bundle_digest: str
    public_key: str | None
    provider: ProviderChoice
    out: Path
    database: str
    run: RunRow
    shard_size: int
    threads: int
    sinks: tuple[Sink[ShardResult], ...]
    intake: Intake = TRUSTED
    ocr: bool = False
    """Whether labels are read as text, too."""
    loaded: Loaded | None = field(default=None, compare=False, repr=False)
    """Stays behind when the recipe goes to another process."""

    @property
    def on_gpu(self) -> bool:
        """Whether the models run on a GPU."""
        return self.provider.on_gpu

    def __call__(self) -> ShardWorker:
        """A worker in this process."""
        return partial(_work, self, self.loaded or load(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """The recipe for elsewhere: nothing loaded, and paths that hold from anywhere."""
        here = {name: getattr(self, name) for name in self.__dataclass_fields__}
        paths = {name: here[name].absolute() for name in ("bundle_folder", "out")}
        paths["feed_folder"] = absolute_feed(self.feed_folder)
        return _recipe, (here | paths | {"loaded": None},)


def load(recipe: WorkerRecipe) -> Loaded:
    """All that `recipe` names, loaded and held against what the run was planned with.

    Raises:
        RunError: If the bundle is another.
        ConfigError: If labels are to be read as text and cannot be here.
    """
    bundle, digest = load_trusted_bundle(recipe.bundle_folder, public_key=recipe.public_key)
    if digest != recipe.bundle_digest:
        raise RunError(
            f"{recipe.bundle_folder}: this worker sees another bundle than the run was planned"
            f" with: expected digest {recipe.bundle_digest[:12]}…, got {digest[:12]}…"
        )
    if recipe.ocr:
        require_reader()
    feed = read_feed(recipe.feed_folder)
    return Loaded(
        feed=feed,
        plan=ShardPlan(feed, shard_size=recipe.shard_size),
        detectors=load_detectors(bundle, recipe.bundle_folder, choice=recipe.provider),
        ledger=open_ledger(recipe.database, recipe.run),
    )


def _recipe(values: dict[str, Any]) -> WorkerRecipe:
    return WorkerRecipe(**values)


def _work(
    recipe: WorkerRecipe, loaded: Loaded, specs: Iterable[ShardSpec]
) -> Iterator[ShardReceipt]:
    """Score and commit `specs`, in their order."""
    under_way: dict[int, ShardSpec] = {}

    def noted() -> Iterator[ShardSpec]:
        for spec in specs:
            under_way[spec.index] = spec
            yield spec

    with recipe.intake.decoding(recipe.threads) as decoding:
        results = score_shards(
            loaded.plan,
            noted(),
            loaded.detectors,
            gauges_of(loaded.feed.step_wedges),
            workers=recipe.threads,
            progress=loaded.scored,
            cancelled=loaded.cancelled,
            decoding=decoding,
            ocr=recipe.ocr,
        )
        with contextlib.closing(results):  # no thread decodes any more when decoding ends
            for result in results:
                yield commit_shard(recipe, loaded.ledger, under_way.pop(result.index), result)


def commit_shard(
    recipe: WorkerRecipe, ledger: Ledger, spec: ShardSpec, result: ShardResult
) -> ShardReceipt:
    """Write the parts of a shard, then commit it with all sinks: the shard is done."""
    began = time.perf_counter()
    parts = write_shard(recipe.out, result)
    done = Done(
        stage="score",
        shard=spec.index,
        digest=spec.digest,
        owners=result.owners,
        parts=tuple(sorted(parts, key=lambda part: part.file)),
    )
    is_new = ledger.commit(done, result, recipe.sinks)
    return ShardReceipt(
        index=spec.index,
        owners=result.owners,
        parts=done.parts,
        verdicts=tuple(Counter(one.verdict for one in result.image_verdicts).items()),
        commit_s=time.perf_counter() - began,
        already=not is_new,
        faults=tuple(
            Counter(
                one.code or "unknown"
                for one in result.image_verdicts
                if one.verdict == "quarantined"
            ).items()
        ),
        times=result.spent.times,
        held_bytes=result.spent.held_bytes,
    )


def write_shard(out: Path, result: ShardResult) -> list[PartFile]:
    """Write the tables of one shard to the run folder `out`, under names that it alone has."""
    return [
        write_part(out, "findings", result.index, findings_frame(result.findings)),
        write_part(out, "not_assessed", result.index, not_assessed_frame(result.not_assessed)),
        write_part(out, "images", result.index, verdict_frame(result.image_verdicts)),
        write_part(out, "embeddings", result.index, embeddings_frame(result.embeddings)),
    ]
