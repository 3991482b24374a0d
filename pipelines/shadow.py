"""`parcelscope screen --shadow`: a challenger scored beside the champion, touching nothing.

The shadow runs after the champion's run is complete, on the same rows, and writes only below
`shadow/`. Whatever happens to it, the run stays what it is.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import polars as pl
from pydantic import BaseModel, ValidationError

from parcelscope.datasets.embeddings import embeddings_frame
from parcelscope.datasets.errors import ParcelscopeError, RunError
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind, findings_frame, not_assessed_frame
from parcelscope.datasets.sightings import Earlier
from parcelscope.datasets.writing import write_parquet_whole, write_text_whole
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import ShardResult, score_feed
from parcelscope.inference.intake import TRUSTED, Intake
from parcelscope.inference.providers import CPU_CHOICE, ProviderChoice
from parcelscope.inference.risk import load_risk_scorers
from parcelscope.models.bundle import Bundle
from parcelscope.models.signature import load_trusted_bundle
from parcelscope.pipelines.accounts import require_all_scored
from parcelscope.pipelines.run_folder import BundleName
from parcelscope.screening.assess import assess_window
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.fusion import RiskScorer
from parcelscope.screening.indicator_pack import Indicators
from parcelscope.screening.standing import Standing

log = logging.getLogger(__name__)

FOLDER: Final = "shadow"
CARD: Final = "shadow.json"
TABLES: Final = ("parcels", "cartons", "flags", "not_assessed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenger:
    """A bundle that is tried out, loaded and ready."""

    bundle: Bundle
    name: BundleName
    detectors: Detectors
    scorers: Mapping[OwnerKind, RiskScorer] = field(default_factory=dict)
    """Graphs of its fusion models that have trees."""


class ShadowCard(BaseModel, frozen=True, extra="forbid"):
    """`shadow.json`, written last: who the challenger was, and whether it came through."""

    format_version: Literal[1] = 1
    bundle: BundleName
    findings: int = 0
    seconds: float = 0.0
    failure: str | None = None
    """Why there is no result; None where there is."""

    def line(self) -> str:
        """What became of it, in one line."""
        name = f"{self.bundle.name} {self.bundle.version}"
        if self.failure is not None:
            return f"{name} gave no result, the run is whole all the same: {self.failure}"
        return f"{name} wrote {self.findings:,} findings to {FOLDER}/, flagging nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """What a challenger said of a run's feed, read back."""

    card: ShadowCard
    findings: pl.DataFrame
    parcels: pl.DataFrame
    cartons: pl.DataFrame
    flags: pl.DataFrame
    """What it would have flagged within the same budget."""
    not_assessed: pl.DataFrame


def load_challenger(
    folder: Path, *, public_key: str | None, choice: ProviderChoice = CPU_CHOICE
) -> Challenger:
    """The challenger in `folder`, on the provider that `choice` names.

    Raises:
        BundleError: If it cannot be trusted, as for the champion.
        ProviderError: If its models do not answer on the provider as on the CPU.
    """
    bundle, digest = load_trusted_bundle(folder, public_key=public_key)
    return Challenger(
        bundle=bundle,
        name=BundleName(name=bundle.name, version=bundle.version, digest=digest),
        detectors=load_detectors(bundle, folder, choice=choice),
        scorers=load_risk_scorers(bundle, folder),
    )


def screen_in_shadow(
    run_folder: Path,
    feed: Feed,
    challenger: Challenger,
    config: ScreeningConfig,
    *,
    indicators: Indicators,
    workers: int,
    seed: int,
    intake: Intake = TRUSTED,
    earlier: Earlier | None = None,
    standing: Standing | None = None,
    progress: Callable[[int], None] | None = None,
) -> ShadowCard:
    """Score and assess `feed` with `challenger` and leave the result in the run's shadow folder.

    Findings go to `shadow/part-*.parquet`, assessments and would-be flags beside them. A failure
    is recorded and raised no further: a run does not suffer from what is only tried out.
    """
    folder = run_folder / FOLDER
    begin = time.perf_counter()
    try:
        with intake.decoding(workers) as decoding:
            shards = score_feed(
                feed,
                challenger.detectors,
                workers=workers,
                progress=progress,
                decoding=decoding,
                ocr=config.ocr,
            )
            tables, findings = _score(
                folder, feed, shards, challenger, config, indicators, seed, earlier, standing
            )
        for name in TABLES:
            write_parquet_whole(tables[name], folder / f"{name}.parquet")
        card = ShadowCard(
            bundle=challenger.name,
            findings=findings,
            seconds=round(time.perf_counter() - begin, 3),
        )
    except (ParcelscopeError, OSError) as error:
        log.warning("the challenger %s failed: %s", challenger.name.name, error)
        shutil.rmtree(folder, ignore_errors=True)
        card = ShadowCard(bundle=challenger.name, failure=str(error))
    write_text_whole(folder / CARD, card.model_dump_json(indent=2) + "\n")
    return card


def read_shadow(run_folder: Path) -> Shadow:
    """The challenger's result in `run_folder`.

    Raises:
        RunError: If there is none, or it is incomplete.
    """
    folder = run_folder / FOLDER
    path = folder / CARD
    if not path.is_file():
        raise RunError(
            f"{run_folder}: expected a run with a challenger in {FOLDER}/, found none;"
            " screen the feed again with --shadow CHALLENGER_BUNDLE"
        )
    try:
        card = ShadowCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RunError(f"{path}: {error.errors()[0]['msg']}") from None
    if card.failure is not None:
        raise RunError(f"{path}: the challenger gave no result: {card.failure}")
    try:
        findings = pl.concat([pl.read_parquet(p) for p in sorted(folder.glob("part-*.parquet"))])
        tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RunError(f"{folder}: cannot read the challenger's tables: {reason}") from None
    return Shadow(card=card, findings=findings, **tables)


def _score(
    folder: Path,
    feed: Feed,
    shards: Iterable[ShardResult],
    challenger: Challenger,
    config: ScreeningConfig,
    indicators: Indicators,
    seed: int,
    earlier: Earlier | None,
    standing: Standing | None,
) -> tuple[dict[str, pl.DataFrame], int]:
    """What the challenger would decide, by table, and how many findings it wrote."""
    findings, not_assessed = [findings_frame(())], [not_assessed_frame(())]
    embeddings = [embeddings_frame(())]
    done = parts = 0
    for shard in shards:
        findings.append(findings_frame(shard.findings))
        not_assessed.append(not_assessed_frame(shard.not_assessed))
        embeddings.append(embeddings_frame(shard.embeddings))
        write_parquet_whole(findings[-1], folder / f"part-{parts:05d}.parquet")
        parts, done = parts + 1, done + shard.owners
    require_all_scored(feed, done)
    window = assess_window(
        feed,
        pl.concat(findings),
        pl.concat(not_assessed),
        challenger.bundle,
        config,
        seed=seed,
        scorers=challenger.scorers,
        indicators=indicators,
        earlier=earlier,
        standing=standing,
        embeddings=pl.concat(embeddings),
    )
    write_parquet_whole(window.findings, folder / f"part-{parts:05d}.parquet")
    tables = {
        "parcels": window.parcels,
        "cartons": window.cartons,
        "flags": window.flags,
        "not_assessed": pl.concat([*not_assessed, window.not_assessed]),
    }
    return tables, sum(frame.height for frame in findings) + window.findings.height
