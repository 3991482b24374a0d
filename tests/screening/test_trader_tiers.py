"""Trader tiers: what a verified record takes off, and what it never does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import ValidationError
from tests.screening import windows as w

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.screening.assess import Window, assess_window
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.standing import Standing, load_standing
from parcelscope.screening.trader_tiers import (
    SHIFT_SCHEMA,
    TIER_SCHEMA,
    TraderTierConfig,
    read_traders,
    shifted_risk,
    tier_shifts,
    with_tiers,
)

ARRIVED = datetime(2026, 3, 2, tzinfo=UTC)
CONFIG = TraderTierConfig(
    traders="traders.csv", tiers={"trusted": -0.9, "known": -0.4, "revoked": 0.0}
)
LINE = 0.5


def traders(*rows: tuple[str, str, float]) -> pl.DataFrame:
    """Verifications: who, tier, and how many days before the arrival."""
    return pl.DataFrame(
        [
            {
                "trader_id": who,
                "tier": tier,
                "verified_at": ARRIVED - timedelta(days=age),
                "verified_by": "the broker desk",
            }
            for who, tier, age in rows
        ],
        schema={"trader_id": pl.String(), "tier": pl.String(),
                "verified_at": pl.Datetime("us", "UTC"), "verified_by": pl.String()},
    )  # fmt: skip


def shift(known: pl.DataFrame, config: TraderTierConfig = CONFIG, **row: Any) -> dict[str, Any]:
    """What the tier of one parcel comes to."""
    parcel = {"parcel_id": "P", "trader_id": "T", "arrived_at": ARRIVED, **row}
    told = tier_shifts(w.feed([parcel]).parcels, known, config)
    assert told.schema == SHIFT_SCHEMA
    return told.row(0, named=True)


@pytest.mark.parametrize(
    ("age_days", "expected"),
    [(0, -0.9), (365, -0.45), (730, -0.225), (1095, -0.1125), (1095.1, 0.0), (5000, 0.0)],
)
def test_a_tier_wears_off_by_half_in_each_half_life(age_days: float, expected: float) -> None:
    told = shift(traders(("T", "trusted", age_days)))
    assert told["tier"] == "trusted"
    assert told["tier_shift"] == pytest.approx(expected)
    assert (told["tier_note"] is None) == (age_days <= 1095)


@pytest.mark.parametrize(
    ("known", "row", "tier", "shifted", "note"),
    [
        pytest.param([], {"trader_tier": "trusted"}, "trusted", 0.0, "claimed", id="only claimed"),
        pytest.param([], {}, None, None, None, id="nobody knows it"),
        pytest.param([("T", "trusted", 0)], {"trader_id": None}, None, None, None, id="no trader"),
        pytest.param(
            [("T", "trusted", 0)], {"trader_id": " T "}, "trusted", -0.9, None, id="blank"
        ),
        pytest.param(
            [("T", "trusted", 0)], {"arrived_at": None}, None, 0.0, "no date", id="no date"
        ),
        pytest.param(
            [("T", "trusted", -1)], {"trader_tier": "trusted"}, None, 0.0, "only after", id="later"
        ),
        pytest.param(
            [("T", "trusted", 100), ("T", "revoked", 1)], {}, "revoked", 0.0, None, id="revoked"
        ),
        pytest.param(
            [("T", "known", 400), ("T", "trusted", 0)], {}, "trusted", -0.9, None, id="promoted"
        ),
    ],
)
def test_only_the_latest_verification_before_the_arrival_counts(
    known: list[tuple[str, str, float]],
    row: dict[str, Any],
    tier: str | None,
    shifted: float | None,
    note: str | None,
) -> None:
    told = shift(traders(*known), **row)
    assert told["tier"] == tier
    assert told["tier_shift"] == (None if shifted is None else pytest.approx(shifted))
    assert note is None or note in told["tier_note"]


def test_a_claim_counts_for_the_share_that_the_configuration_gives_it() -> None:
    generous = CONFIG.model_copy(update={"declared_share": 0.5})
    assert shift(traders(), generous, trader_tier="trusted")["tier_shift"] == -0.45
    # Whoever is in the table counts for what the table says.
    listed = shift(traders(("T", "revoked", 1)), generous, trader_tier="trusted")
    assert (listed["tier"], listed["tier_shift"]) == ("revoked", 0.0)
    assert shift(traders(), generous, trader_tier="boss")["tier_shift"] == 0.0


RISKS = st.lists(st.floats(0, 1), min_size=1, max_size=30)
SHIFTS = st.floats(-3, 0)


def shifted(risks: list[float], by: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    frame = pl.DataFrame({"risk": risks, "shift": [by] * len(risks)})
    return frame.select(
        shifted_risk(pl.col("risk"), pl.col("shift"), line=LINE)
    ).to_series().to_numpy()  # fmt: skip


@settings(max_examples=50)
@given(RISKS, SHIFTS)
def test_a_shift_never_reorders_two_parcels_of_the_same_tier(risks: list[float], by: float) -> None:
    after = shifted(sorted(risks), by)
    assert (np.diff(after) >= 0).all()


@settings(max_examples=50)
@given(RISKS, SHIFTS, SHIFTS)
def test_a_higher_tier_never_makes_a_risk_higher(
    risks: list[float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert (shifted(risks, low) <= shifted(risks, high)).all()
    # 1 / (1 + x) of the smallest risks is off by no more than rounding.
    assert (shifted(risks, high) <= np.array(risks) * (1 + 1e-12)).all()


@settings(max_examples=50)
@given(RISKS, SHIFTS)
def test_no_tier_takes_off_more_than_it_may_nor_anything_at_the_line(
    risks: list[float], by: float
) -> None:
    before, after = np.array(risks), shifted(risks, by)
    assert (after[before >= LINE] == before[before >= LINE]).all()
    inside = (before > 1e-300) & (before < LINE)
    odds = before[inside] / (1 - before[inside])
    assert after[inside] / (1 - after[inside]) == pytest.approx(odds * np.exp(by), rel=1e-9)


@settings(max_examples=50)
@given(RISKS)
def test_no_shift_leaves_every_bit(risks: list[float]) -> None:
    assert shifted(risks, 0.0).tolist() == risks
    assert shifted(risks, -0.0).tolist() == risks


@settings(max_examples=20)
@given(st.lists(st.floats(0, 3000), min_size=1, max_size=20), st.sampled_from(["trusted", "known"]))
def test_an_older_verification_never_counts_for_more(ages: list[float], tier: str) -> None:
    known = traders(*((f"T{n:02d}", tier, age) for n, age in enumerate(sorted(ages))))
    rows = [
        {"parcel_id": f"P{n:02d}", "trader_id": f"T{n:02d}", "arrived_at": ARRIVED}
        for n in range(len(ages))
    ]
    shifts = tier_shifts(w.feed(rows).parcels, known, CONFIG)["tier_shift"].to_numpy()
    assert (np.diff(shifts) >= 0).all()
    assert (shifts <= 0).all()
    assert (shifts >= -CONFIG.max_shift).all()


def test_a_risk_keeps_what_it_was_and_why_a_tier_counted_for_nothing() -> None:
    risks = pl.DataFrame({"owner_id": ["A", "B", "C"], "risk": [0.2, 0.7, 0.2]})
    shifts = tier_shifts(
        w.feed(
            [{"parcel_id": name, "trader_id": "T", "arrived_at": ARRIVED} for name in "AB"]
        ).parcels,
        traders(("T", "trusted", 0)),
        CONFIG,
    )
    told = with_tiers(risks, shifts, line=LINE)
    assert told["risk_before_tier"].to_list() == [0.2, 0.7, 0.2]
    assert told["risk"].to_list() == pytest.approx([0.0923, 0.7, 0.2], abs=1e-4)
    assert told["tier_shift"].to_list() == [-0.9, 0.0, None]
    assert "at or above the line" in told["tier_note"][1]


CONFIGURATION = load_screening_config()


def strong_and_weak() -> Any:
    """A parcel with strong findings, one with weak ones, thirty with none; one trader for all."""
    rows = [
        {
            "parcel_id": f"P{n:02d}",
            "trader_id": "T",
            "arrived_at": ARRIVED,
            "description": "cotton shirts",
            "tracking_number": f"CARRIER{n:06d}",
        }
        for n in range(32)
    ]
    found = [
        w.item("P00", "handgun", score=0.9, p_value=0.0005),
        w.read_code("P00", "RR473124829GB"),
        w.item("P01", "knife", score=0.5, p_value=0.01),
    ]
    return w.evidence(w.feed(rows), found)


def assessed(standing: Standing | None, tiers: TraderTierConfig) -> Window:
    evidence = strong_and_weak()
    return assess_window(
        evidence.feed,
        evidence.findings,
        evidence.not_assessed,
        w.bundle(),
        CONFIGURATION.model_copy(update={"trader_tiers": tiers}),
        seed=3,
        standing=standing,
    )


def test_strong_evidence_carries_a_trusted_parcel_over_the_line() -> None:
    policy = load_standing(CONFIGURATION.policy, TraderTierConfig()).policies
    before = assessed(None, TraderTierConfig())
    after = assessed(Standing(policies=policy, traders=traders(("T", "trusted", 0))), CONFIG)
    strong, weak = (after.parcels.row(n, named=True) for n in (0, 1))
    assert strong["band"] == "inspect"
    assert strong["risk"] == strong["risk_before_tier"] == before.parcels["risk"][0]
    assert (strong["tier"], strong["tier_shift"]) == ("trusted", 0.0)
    assert weak["risk"] < weak["risk_before_tier"] == before.parcels["risk"][1]
    assert weak["tier_shift"] == -0.9
    # Every check is made all the same.
    assert_frame_equal(before.findings, after.findings)
    assert_frame_equal(before.not_assessed, after.not_assessed)
    assert before.parcels["reasons"].to_list() == after.parcels["reasons"].to_list()


def test_the_random_draw_does_not_know_of_tiers() -> None:
    policy = load_standing(CONFIGURATION.policy, TraderTierConfig()).policies
    after = assessed(Standing(policies=policy, traders=traders(("T", "trusted", 0))), CONFIG)
    before = assessed(None, TraderTierConfig())
    column = "draw_propensity" if "draw_propensity" in after.flags.columns else "propensity"
    drawn = [
        set(one.flags.filter(pl.col("arm") == "random")["owner_id"]) for one in (before, after)
    ]
    assert drawn[0] == drawn[1]
    assert set(after.flags[column]) == set(before.flags[column])


def test_without_a_table_of_traders_nothing_changes_but_the_columns() -> None:
    plain = assessed(None, TraderTierConfig())
    tiers_named = assessed(None, TraderTierConfig(tiers={"trusted": -0.5}))
    assert plain.parcels["risk"].to_list() == plain.parcels["risk_before_tier"].to_list()
    for name in ("parcels", "cartons", "flags", "findings", "not_assessed"):
        assert_frame_equal(getattr(plain, name), getattr(tiers_named, name))
    assert plain.parcels.select("tier", "tier_shift", "tier_note").null_count().row(0) == (32,) * 3
    assert set(TIER_SCHEMA) <= set(plain.parcels.columns)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"tiers": {"trusted": 0.5}}, r"tiers\.trusted must lie from -1 \(max_shift\) to 0"),
        ({"tiers": {"trusted": -2}}, r"tiers\.trusted must lie from -1"),
        ({"max_shift": 9}, "less than or equal to 3"),
        ({"half_life_days": 0}, "greater than 0"),
        ({"halflife": 1}, "Extra inputs"),
    ],
)
def test_a_shift_that_is_none_is_refused(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        TraderTierConfig.model_validate(settings)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ("T,trusted,2026-01-01T00:00:00Z,\n", r"row 1: verified_by must be text, got nothing"),
        ("T,gold,2026-01-01T00:00:00Z,desk\n", r"row 1: tier must be one that .*got 'gold'"),
        ("T,trusted,yesterday,desk\n", r"row 1: verified_at must be a date and time"),
    ],
)
def test_a_bad_row_of_the_table_is_refused(tmp_path: Path, rows: str, match: str) -> None:
    path = tmp_path / "traders.csv"
    path.write_text("trader_id,tier,verified_at,verified_by\n" + rows, encoding="utf-8")
    with pytest.raises(ConfigError, match=match):
        read_traders(path, CONFIG)


def test_the_table_is_read_with_the_standing_data(tmp_path: Path) -> None:
    path = tmp_path / "traders.csv"
    head = "trader_id,tier,verified_at,verified_by\n"
    path.write_text(head + "T,trusted,2026-01-01T00:00:00Z,desk\n", encoding="utf-8")
    tiers = CONFIG.model_copy(update={"traders": str(path)})
    standing = load_standing(CONFIGURATION.policy, tiers)
    assert standing.traders["tier"].to_list() == ["trusted"]
    assert set(standing.digests) == {"policy packs of us", "traders"}
    path.write_text(head + "T,trusted,2026-01-01T00:00:00Z,desk\n" * 2, encoding="utf-8")
    with pytest.raises(FeedError, match="must be unique"):
        load_standing(CONFIGURATION.policy, tiers)
    with pytest.raises(ConfigError, match=r"none\.csv: expected a table of verified traders"):
        load_standing(CONFIGURATION.policy, tiers.model_copy(update={"traders": "none.csv"}))
