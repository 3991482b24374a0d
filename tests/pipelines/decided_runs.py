"""Runs with what officers found, made from drawn risks: no scan is scored."""

import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from parcelscope.pipelines.run_folder import (
    PARTS,
    BundleName,
    RunCard,
    RunCounts,
    TableCounts,
    write_card,
    write_flags,
    write_part,
)
from parcelscope.screening.budget import ExamConfig
from parcelscope.screening.flagging import choose_flags

DAY = datetime.datetime(2026, 3, 2, 8, tzinfo=datetime.UTC)
FACILITIES = ("EWR", "JFK", "LAX", "ORD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Run folders, their decisions as a table, and the truth."""

    runs: tuple[Path, ...]
    decisions: pl.DataFrame
    truth: pl.DataFrame
    """run_id, owner_kind, owner_id, violation, arm."""


def make_runs(
    folder: Path, *, days: int, parcels: int, budget: float = 0.1, seed: int = 1,
    random_share: float = 0.2, cartons: int = 0, lazy: str | None = None,
) -> Made:  # fmt: skip
    """Runs of `days` days whose risks are calibrated; `lazy` is a facility that finds half."""
    rng = np.random.default_rng(seed)
    runs, decisions, truths = [], [], []
    for day in range(days):
        risk = rng.beta(0.4, 6.0, parcels + cartons)
        kinds = ["parcel"] * parcels + ["carton"] * cartons
        ids = [f"{kind[0]}{day:02d}-{n:05d}" for n, kind in enumerate(kinds)]
        where = rng.choice(FACILITIES, parcels + cartons)
        inside = [
            ids[parcels + int(n) % cartons] if cartons and n < parcels // 4 else None
            for n in range(parcels)
        ] + [None] * cartons
        violation = rng.random(risk.size) < risk
        owners = pl.DataFrame(
            {
                "owner_kind": kinds,
                "owner_id": ids,
                "verdict": "assessed",
                "risk": risk,
                "reasons": [["why"]] * risk.size,
                "facility": where,
                "carton_id": pl.Series(inside, dtype=pl.String()),
            }
        )
        chosen = choose_flags(
            owners,
            budget=budget,
            random_share=random_share,
            seed=seed + day,
            exams=ExamConfig(uncertain_share=0.1),
        )
        table = owners.join(
            chosen.chances, on=["owner_kind", "owner_id"], how="left", maintain_order="left"
        ).with_columns(pl.Series("violation", violation))
        created = DAY + datetime.timedelta(days=day)
        run_id = f"day-{day:02d}"
        runs.append(_write(folder / run_id, run_id, created, table, chosen.flags))
        truths.append(table.select(pl.lit(run_id).alias("run_id"), "owner_kind", "owner_id",
                                   "violation", "arm"))  # fmt: skip
        seen = table.filter(pl.col("arm").is_not_null())
        missed = rng.random(seen.height) < 0.5
        found = seen["violation"].to_numpy() & ~((seen["facility"] == lazy).to_numpy() & missed)
        start = created + datetime.timedelta(hours=1)
        wait = rng.gamma(2.0, 3.0, seen.height)
        decisions.append(
            seen.select(
                pl.lit(run_id).alias("run_id"),
                pl.when(pl.col("owner_kind") == "parcel").then("owner_id").alias("parcel_id"),
                pl.when(pl.col("owner_kind") == "carton").then("owner_id").alias("carton_id"),
                pl.Series("outcome", np.where(found, "violation", "compliant")),
                pl.Series(
                    "exam_started_at",
                    [start + datetime.timedelta(hours=float(one)) for one in wait],
                ),
                pl.Series(
                    "exam_ended_at",
                    [start + datetime.timedelta(hours=float(one), minutes=6) for one in wait],
                ),
                pl.Series("officer", [f"officer {n % 5}" for n in range(seen.height)]),
                "facility",
            )
        )
    return Made(runs=tuple(runs), decisions=pl.concat(decisions), truth=pl.concat(truths))


def _write(
    folder: Path, run_id: str, created: datetime.datetime, table: pl.DataFrame, flags: pl.DataFrame
) -> Path:
    feed = folder / "feed"
    feed.mkdir(parents=True)
    kinds = {
        kind: table.filter(pl.col("owner_kind") == kind)
        .drop("carton_id")
        .rename({"owner_id": f"{kind}_id"})
        for kind in ("parcel", "carton")
    }
    kinds["parcel"].select("parcel_id", "facility").write_csv(feed / "parcels.csv")
    if kinds["carton"].height:
        kinds["carton"].select("carton_id", "facility").write_csv(feed / "cartons.csv")
    parts = [write_flags(folder, flags)]
    for name in PARTS:
        rows = pl.DataFrame({"n": [1]})
        if name in ("parcels", "cartons"):
            rows = kinds[name.removesuffix("s")].select(
                f"{name.removesuffix('s')}_id", "verdict", "risk", "arm", "propensity"
            )
        parts.append(write_part(folder, name, 0, rows))
    none = TableCounts(rows=0, assessed=0, quarantined=0)
    counts = {
        kind: TableCounts(rows=rows.height, assessed=rows.height, quarantined=0)
        for kind, rows in kinds.items()
    }
    write_card(
        folder,
        RunCard(
            run_id=run_id,
            feed=str(feed),
            created=created.isoformat(timespec="seconds"),
            bundle=BundleName(name="tiny", version="1", digest="0" * 64),
            config={},
            budget=0.1,
            seed=1,
            workers=1,
            versions={},
            counts=RunCounts(
                parcels=counts["parcel"],
                cartons=counts["carton"],
                images=none,
                findings=0,
                not_assessed=0,
                flagged_targeted=0,
                flagged_random=0,
            ),
            timings_s={},
            parts=tuple(parts),
        ),
    )
    return folder
