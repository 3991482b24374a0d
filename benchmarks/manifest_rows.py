"""Time and memory of all record indicators on many manifest rows, without a picture.

    python benchmarks/manifest_rows.py [ROWS] [--indicators] [--history]

Generates ROWS parcels (1,000,000 if left out) in cartons, with names, addresses and numbers that
come again as they do in mail, then assesses the window with the built-in bundle in this process.
Printed are seconds of CPU and by the clock, and the highest memory that this process ever had;
`--indicators` also times each rule of the pack by itself; `--history` instead times what the window
leaves in a history, and prints the bytes that a number takes.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import findings_frame, not_assessed_frame
from parcelscope.datasets.schema import CARTONS, IMAGES, PARCELS, STEP_WEDGES, TableSchema
from parcelscope.datasets.sightings import Earlier, bounded
from parcelscope.datasets.tables import ROW, dtypes, empty_table, no_rejections
from parcelscope.inference.history import Kept, history_url, read_history, write_history
from parcelscope.inference.risk import load_risk_scorers
from parcelscope.models.bundle import builtin_bundle_folder, load_bundle
from parcelscope.screening.assess import assess_window
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.indicator_pack import load_indicators
from parcelscope.screening.indicators.evidence import Evidence
from parcelscope.screening.indicators.registry import INDICATORS
from parcelscope.screening.numbers_seen import sightings
from parcelscope.screening.standing import load_standing

DAY = datetime(2026, 11, 20, tzinfo=UTC)
PARCELS_PER_CARTON = 40
PARCELS_PER_PERSON = 1.5
SEEN_BEFORE = 0.002
"""Share of the numbers that an earlier window saw on another parcel."""
GOODS = (
    "cotton shirt", "phone case", "ceramic mug", "usb cable", "led lamp", "toy car", "face cream",
    "leather wallet", "running shoes", "kitchen knife", "wrist watch", "vitamin capsules",
    "car parts", "daily necessities", "gift", "hair clip", "yoga mat", "bluetooth speaker",
)  # fmt: skip
COLOURS = ("red", "blue", "black", "white", "green", "grey", "small", "large", "new", "set of")


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    rows = int(words[0]) if words else 1_000_000
    with _timed("generating"):
        feed = synthetic_feed(rows, np.random.default_rng(7))
        earlier = _earlier(feed)
    if "--history" in sys.argv:
        _history(feed)
        return
    config = load_screening_config()
    bundle, _ = load_bundle(builtin_bundle_folder())
    scorers = load_risk_scorers(bundle, builtin_bundle_folder())
    counts = f"{feed.parcels.height:,} parcels in {feed.cartons.height:,} cartons"
    print(f"{counts}, {earlier.sightings.height:,} earlier sightings; {_peak_gib():.2f} GiB so far")
    if "--indicators" in sys.argv:
        _each_rule(feed, earlier)
    with _timed("assess_window"):
        window = assess_window(
            feed, findings_frame(()), not_assessed_frame(()), bundle, config,
            seed=0, scorers=scorers, earlier=earlier,
        )  # fmt: skip
    print(f"{window.findings.height:,} findings, {window.not_assessed.height:,} checks not made,"
          f" {window.flags.height:,} flags; peak memory {_peak_gib():.2f} GiB")  # fmt: skip
    for code, found in window.findings.group_by("code").len().sort("code").iter_rows():
        print(f"  {code:<16}{found:>10,}")


def _each_rule(feed: Feed, earlier: Earlier) -> None:
    config = load_screening_config()
    standing = load_standing(config.policy, config.trader_tiers)
    evidence = Evidence(
        feed=feed, findings=findings_frame(()), not_assessed=not_assessed_frame(()),
        standing=standing, earlier=earlier,
    )  # fmt: skip
    for rule in load_indicators(config.indicator_packs).rules:
        with _timed(f"  {', '.join(rule.codes)}"):
            INDICATORS[rule.indicator].run(evidence, rule.parameters)


def _history(feed: Feed) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.sqlite"
        with _timed("digests"):
            seen = sightings(feed, DAY.date())
        with _timed("look-up in an empty history"):
            read_history(history_url(str(path)), seen["number"], feed="other")
        empty = path.stat().st_size
        kept = Kept(run_id="r", feed="f", sightings=seen, keep_days=365, today=DAY.date())
        with _timed("writing"):
            write_history(history_url(str(path)), kept)
        with _timed("look-up of every number"):
            read_history(history_url(str(path)), seen["number"], feed="other")
        size = path.stat().st_size - empty
    print(f"{bounded(seen).height:,} sightings, {size / bounded(seen).height:.0f} bytes each")


@contextmanager
def _timed(what: str) -> Iterator[None]:
    clock, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"{what:<56}{time.process_time() - cpu:>8.1f} s CPU"
          f"{time.perf_counter() - clock:>8.1f} s by the clock")  # fmt: skip


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def synthetic_feed(rows: int, rng: np.random.Generator) -> Feed:
    """A feed of `rows` parcels of one day, without images."""
    cartons = max(rows // PARCELS_PER_CARTON, 1)
    person = rng.integers(0, max(int(rows / PARCELS_PER_PERSON), 1), rows)
    # Most people live alone or with a few; some addresses are shops where hundreds collect.
    address = np.where(person % 1000 == 0, person % 97, person - person % 3 % 2)
    goods = (rng.zipf(1.3, rows) - 1) % (len(GOODS) * len(COLOURS))
    shipper = (rng.zipf(1.5, rows) - 1) % 20_000
    carton = np.sort(rng.integers(0, cartons, rows))
    number = np.arange(rows)
    again = rng.random(rows) < 0.001
    number[again] = rng.integers(0, rows, int(again.sum()))
    value = np.round(np.exp(rng.normal(3.2, 1.0, rows)), 2)
    popular = rng.random(rows) < 0.5
    value[popular] = 4.99 + goods[popular] % 17
    weight = np.round(np.exp(rng.normal(5.8, 0.7, rows)))
    minutes = rng.integers(0, 24 * 60, rows)
    frame = pl.DataFrame(
        {
            "parcel_id": pl.Series(np.arange(rows)).cast(pl.String).str.zfill(9),
            "tracking_number": _s10(number),
            "house_bill": pl.Series(np.arange(rows) + 10**8).cast(pl.String),
            "entry_number": pl.Series(np.arange(rows) + 10**9).cast(pl.String),
            "carton_id": pl.Series(carton).cast(pl.String).str.zfill(7),
            "facility": pl.Series(np.array(["JFK", "ORD", "LAX", "MIA"])[carton % 4]),
            "lane": pl.Series(np.array(["CN-US", "DE-US", "IN-US"])[carton % 3]),
            "channel": pl.Series(np.array(["mail", "express"])[carton % 2]),
            "arrived_at": pl.Series([DAY]).gather(np.zeros(rows, np.uint32))
            + pl.Series(minutes * 60 * 10**6).cast(pl.Duration("us")),
            "shipper_name": _worded(shipper, "Trading Co"),
            "shipper_address": _streets(shipper),
            "shipper_country": pl.Series(np.array(["CN", "DE", "IN"])[carton % 3]),
            "consignee_name": _names(person, rng),
            "consignee_address": _streets(address),
            "consignee_city": _worded(address // 50 % 4000, ""),
            "consignee_postcode": pl.Series(10_000 + address % 80_000).cast(pl.String),
            "consignee_country": pl.Series(["US"]).gather(np.zeros(rows, np.uint32)),
            "origin_country": pl.Series(np.array(["CN", "DE", "IN", "VN"])[shipper % 4]),
            "description": _goods(goods),
            "hs_code": pl.Series((goods * 137_911 % 9_000 + 1_000) * 100).cast(pl.String),
            "quantity": pl.Series(rng.integers(1, 6, rows).astype(float)),
            "pieces": pl.Series(np.ones(rows, np.int64)),
            "declared_weight_g": pl.Series(weight),
            "measured_weight_g": pl.Series(np.round(weight * rng.normal(1, 0.03, rows))),
            "value": pl.Series(value),
            "currency": pl.Series(np.array(["USD", "CNY"])[(rng.random(rows) < 0.03).astype(int)]),
        }
    )
    boxes = frame.group_by("carton_id").agg(
        pl.len().cast(pl.Int64).alias("pieces_manifested"),
        (pl.col("declared_weight_g").sum() * 1.1).alias("declared_weight_g"),
        (pl.col("measured_weight_g").sum() * 1.1).alias("measured_weight_g"),
        pl.col("facility", "lane").first(),
        pl.format("SEAL-{}", pl.col("carton_id").first()).alias("seal_id"),
    )
    return Feed(
        root=Path(),
        parcels=_table(PARCELS, frame),
        cartons=_table(CARTONS, boxes.sort("carton_id")),
        images=empty_table(IMAGES).with_columns(pl.lit("parcel").alias("owner_kind")),
        step_wedges=empty_table(STEP_WEDGES),
        rejected=no_rejections(),
        notes=no_rejections(),
        rows={"parcels": rows, "cartons": boxes.height},
    )


def _earlier(feed: Feed) -> Earlier:
    """Sightings of a few of the numbers on other parcels, a month or more before."""
    today = DAY.date()
    few = sightings(feed, today).gather_every(int(1 / SEEN_BEFORE))
    past = pl.col("day") - pl.duration(days=30 + pl.col("number").mod(300).abs())
    seen = few.with_columns(
        pl.format("{}-old", "owner_id").alias("owner_id"), past.dt.date().alias("day")
    )
    return Earlier(sightings=bounded(seen), today=today)


def _table(schema: TableSchema, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        *(
            pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype).alias(name)
            for name, dtype in dtypes(schema).items()
        ),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW),
    )


def _s10(number: np.ndarray) -> pl.Series:
    digits = number[:, None] // 10 ** np.arange(7, -1, -1) % 10  # (N, 8)
    rest = 11 - digits @ np.array([8, 6, 4, 2, 3, 5, 9, 7]) % 11
    check = np.where(rest == 10, 0, np.where(rest == 11, 5, rest))
    return pl.select(
        pl.format(
            "LX{}{}CN",
            pl.lit(pl.Series(number)).cast(pl.String).str.zfill(8),
            pl.lit(pl.Series(check)),
        )
    ).to_series()


_SYLLABLES = np.array("ba ce di fo gu ha je ki lo mu na pe qi ro su ta ve wi xo zu".split())  # noqa: SIM905


def _words(seed: np.ndarray) -> np.ndarray:
    """A made-up word of three syllables for each of `seed`."""
    parts = [_SYLLABLES[seed * prime % 8009 // place % 20] for prime, place in _PLACES]
    return np.char.add(np.char.add(parts[0], parts[1]), parts[2])


_PLACES = ((7919, 1), (104_729, 20), (1_299_709, 400))


def _worded(seed: np.ndarray, after: str) -> pl.Series:
    return pl.Series(np.char.add(np.char.capitalize(_words(seed)), f" {after}" if after else ""))


def _names(person: np.ndarray, rng: np.random.Generator) -> pl.Series:
    """A first and a last name for each person, one letter wrong in every fiftieth row."""
    first, last = np.char.capitalize(_words(person % 1500)), np.char.capitalize(_words(person // 3))
    wrong = rng.random(len(person)) < 0.02
    last[wrong] = np.char.add(last[wrong], "h")
    return pl.Series(np.char.add(np.char.add(first, " "), last))


def _streets(address: np.ndarray) -> pl.Series:
    kinds = np.array(["Street", "Avenue", "Road", "Lane"])[address % 4]
    numbers = (address % 900 + 1).astype(str)
    named = np.char.add(np.char.capitalize(_words(address // 7)), np.char.add(" ", kinds))
    return pl.Series(np.char.add(np.char.add(numbers, " "), named))


def _goods(goods: np.ndarray) -> pl.Series:
    colours = np.array(COLOURS)[goods // len(GOODS) % len(COLOURS)]
    return pl.Series(np.char.add(np.char.add(colours, " "), np.array(GOODS)[goods % len(GOODS)]))


if __name__ == "__main__":
    main()
