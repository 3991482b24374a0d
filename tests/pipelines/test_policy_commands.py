"""`parcelscope policy`, and a run that answers for its law and its traders."""

import json
from pathlib import Path

import polars as pl
import pytest
import yaml
from tests.screening import policies as p

from parcelscope.datasets.errors import RunError
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.run_folder import read_run
from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.tier_accounts import TierCounts, tier_counts, tier_words
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.trader_tiers import TraderTierConfig

PARCELS = """\
parcel_id,arrived_at,channel,origin_country,value,currency,description,trader_id,trader_tier
A,2025-08-28T12:00:00Z,express,DE,54,USD,shirts,T1,
B,2025-08-29T12:00:00Z,express,DE,54,USD,shirts,T2,
C,2025-08-28T12:00:00Z,mail,DE,900,USD,shirts,,trusted
D,2025-08-28T12:00:00Z,mail,DE,54,EUR,shirts,,
E,,mail,DE,54,USD,shirts,T1,
"""


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "parcels.csv").write_text(PARCELS, encoding="utf-8")
    return folder


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    code = 0
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        code = int(stop.code or 0)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_packs_are_listed_by_day(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "policy", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "generic",
        "us-2019-t86",
        "us-2025-08",
        "us-2026-06",
    ]
    assert "from 2025-08-29 until 2026-06-23" in out
    assert "not checked against their source" in out
    told = json.loads(call(capsys, "policy", "list", "--json")[1])
    assert {one["name"]: one["effective"] for one in told}["us-2026-06"] == {
        "from": "2026-06-24",
        "until": None,
    }


def test_a_pack_is_shown_with_its_citations(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "policy", "show", "us-2026-06", "--on", "2026-10-01")
    assert code == 0
    assert "or Entry Type 13 under its test [type 13]" in out
    assert "mail-suspended" not in out  # until 2026-07-23
    assert "mail, up to 2500 USD: declares description, tariff number of 10 digits" in out
    assert "show-that-the-mark-is-not-counterfeit within 7 business days of notice" in out
    assert "right holder, before-disclosure: without serial_number" in out
    told = json.loads(call(capsys, "policy", "show", "us-2026-06", "--json")[1])
    assert {"mail-suspended", "no-exemption"} <= {rule["code"] for rule in told["rules"]}
    assert all(rule["citation"] for rule in told["rules"])


def test_a_feed_is_held_to_the_law_of_each_day(
    feed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(capsys, "policy", "check", feed)
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "5 parcels under the policy packs of us"
    assert any(line.startswith("1 us-2019-t86; type-86; duty-free, by Entry") for line in lines)
    assert any(line.startswith("1 us-2025-08; no-exemption;") for line in lines)
    assert any(line.startswith("1 us-2019-t86; exemption-per-shipment") for line in lines)
    assert "1 the manifest gives no arrived_at" in lines
    assert any(line.startswith("1 the value is in EUR") for line in lines)


def test_verdicts_come_as_json(feed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(call(capsys, "policy", "check", feed, "--on", "2026-10-01", "--json")[1])
    assert told["jurisdiction"] == "us"
    assert [row["parcel_id"] for row in told["parcels"]] == list("ABCDE")
    assert {row["day"] for row in told["parcels"]} == {"2026-10-01"}
    assert told["parcels"][2]["entry_code"] == "postal-informal"


def test_own_packs_and_rates_can_be_named(
    feed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = {
        "kind": "value_limit",
        "code": "small",
        "limit": {"amount": 50, "currency": "EUR"},
        "per": "shipment",
        "of": "the small class",
        "citation": "Law 2",
        "source_checked": True,
    }
    packs = p.written(tmp_path / "packs", p.pack(p.rule(), limit, effective={"from": "2020-01-01"}))
    rates = tmp_path / "rates.csv"
    rates.write_text("from,currency,to_currency,rate,source\n2025-08-20,USD,EUR,0.9,bank\n")
    command = ["policy", "check", feed, "--jurisdiction", "here", "--packs", packs]
    assert "1  first; small" in call(capsys, *command)[1]
    assert "3  first; small" not in call(capsys, *command)[1]
    assert "2  first; small" in call(capsys, *command, "--exchange-rates", rates)[1]


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["show", "us-2020"], "expected the name of a policy pack, generic, us-2019-t86"),
        (["show", "us-2025-08", "--on", "2020-01-01"], "expected a day on which us-2025-08 holds"),
        (["check", "FEED", "--on", "soon"], "--on: expected a day like 2026-09-30, got 'soon'"),
        (["check", "FEED", "--jurisdiction", "mars"], "got packs of generic, us"),
        (["check", "FEED", "--packs", "none"], "none: expected a folder of policy packs"),
        (["check", "FEED", "--exchange-rates", "no.csv"], "expected a table of exchange rates"),
        (["check", "none"], "none: expected a folder with a feed"),
    ],
)
def test_what_is_refused_is_one_sentence(
    feed: Path, words: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [feed if word == "FEED" else word for word in words]
    code, out, err = call(capsys, "policy", *given)
    assert code == 2
    assert out == ""
    assert match in err
    assert err.count("\n") == 1


def test_tiers_are_counted_by_what_they_did() -> None:
    rows = pl.DataFrame(
        {
            "verdict": ["assessed"] * 4 + ["quarantined"],
            "tier": ["gold", "gold", "silver", None, None],
            "tier_shift": [-0.5, 0.0, -0.2, None, None],
        }
    )
    assert tier_counts(rows) == TierCounts(
        lowered={"gold": 1, "silver": 1}, idle={"gold": 1}, lowest_shift=-0.5
    )
    assert tier_counts(rows.tail(2)) is None


def test_a_card_says_what_a_tier_took_off() -> None:
    row = {"parcel_id": ["A"], "risk": [0.0923], "risk_before_tier": [0.2], "tier": ["gold"]}
    lowered = pl.DataFrame({**row, "tier_shift": [-0.9]})
    assert tier_words(lowered, "A") == (
        "The tier of its trader, gold, took its risk from 20.0% to 9.2%."
    )
    assert tier_words(lowered, "B") == ""
    assert tier_words(pl.DataFrame({**row, "tier_shift": [0.0]}), "A") == ""
    assert tier_words(pl.DataFrame(row), "A") == ""


def test_a_run_answers_for_its_law_and_its_traders(feed: Path, tmp_path: Path) -> None:
    traders = tmp_path / "traders.csv"
    head = "trader_id,tier,verified_at,verified_by\n"
    row = "T1,trusted,2025-08-28T12:00:00Z,desk\n"
    traders.write_text(head + row, encoding="utf-8")
    tiers = TraderTierConfig(traders=str(traders), tiers={"trusted": -0.5})
    config = load_screening_config().model_copy(update={"trader_tiers": tiers})
    out = tmp_path / "run"
    screen(feed, out, config=config, workers=1)
    run = read_run(out)
    assert set(run.card.standing) == {"policy packs of us", "traders"}
    # A was verified as it arrived; C only claims its tier, and of E the age is not known.
    assert run.card.trader_tiers == TierCounts(
        lowered={"trusted": 1}, idle={"trusted": 1}, lowest_shift=-0.5
    )
    kept = {row["parcel_id"]: row for row in run.parcels.to_dicts()}
    assert kept["A"]["risk"] < kept["A"]["risk_before_tier"]
    assert kept["E"]["tier_note"].startswith("no date of arrival")
    assert "P.entry" in kept["C"]["reason_codes"]
    assert any(
        text.startswith("P.entry: the value is in EUR") for text in kept["D"]["not_assessed"]
    )

    traders.write_text(head + row.replace("desk", "another desk"), encoding="utf-8")
    with pytest.raises(RunError, match="the set of traders is another"):
        screen(feed, out, config=config, workers=1)


def test_the_configuration_that_ships_says_what_the_code_would(tmp_path: Path) -> None:
    config = load_screening_config()
    assert config.trader_tiers == TraderTierConfig()
    path = tmp_path / "screening.yaml"
    raw = yaml.safe_load(
        (Path(__file__).parents[2] / "configs" / "screening" / "default.yaml").read_text()
    )
    del raw["policy"], raw["trader_tiers"]
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    assert load_screening_config(path) == config
