"""`parcelscope explain`: the replay of a run, and what is told of one parcel or carton."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.inference.sound_bundle import write_sound_bundle
from tests.pipelines.facility_feed import REJECTED_ID, write_facility_feed
from typer.testing import CliRunner

from parcelscope.datasets.errors import BundleError, ConfigError, RunError
from parcelscope.pipelines.cli import app
from parcelscope.pipelines.explain import Explained, explain
from parcelscope.pipelines.explain_text import print_explanation
from parcelscope.pipelines.replay import replay
from parcelscope.pipelines.run_folder import CARD, LEDGER, PLAN, read_run, write_part
from parcelscope.pipelines.screen import screen
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.indicator_pack import Indicators
from parcelscope.screening.trader_tiers import TraderTierConfig

FLAGGED_CARTON = "C-2"
"""Its scan shows five pieces, its manifest one, and its scale more than twice the weight."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feed, a bundle, and a run of three shards."""
    place = tmp_path_factory.mktemp("explain")
    write_facility_feed(place / "feed")
    write_sound_bundle(place / "bundle")
    tiers = TraderTierConfig(tiers={"gold": -0.7}, declared_share=1.0)
    screen(
        place / "feed",
        place / "run",
        config=load_screening_config().model_copy(update={"trader_tiers": tiers}),
        bundle_folder=place / "bundle",
        budget=0.3,
        workers=1,
        shard_size=10,
        seed=7,
    )
    return place


@pytest.fixture
def copy(place: Path, tmp_path: Path) -> Path:
    """The run again, to be spoilt; its bundle lies beside it."""
    shutil.copytree(place / "run", tmp_path / "run")
    shutil.copytree(place / "bundle", tmp_path / "bundle")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def carton(place: Path) -> Explained:
    return explain(place / "run", FLAGGED_CARTON)


def told(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["explain", *(str(word) for word in words)])
    assert result.exit_code == code, result.output
    return result.output


def test_a_replay_comes_to_what_is_stored_bit_for_bit(place: Path, carton: Explained) -> None:
    assert carton.agreement.sameness == "identical"
    assert carton.agreement.differences == carton.agreement.versions == ()
    run = read_run(place / "run")
    for name in ("parcels", "cartons", "flags"):
        assert getattr(carton.replay.window, name).equals(getattr(run, name))
    assert carton.replay.findings.height == run.findings.height


def test_the_steps_add_up_to_the_risk(carton: Explained) -> None:
    one = carton.explanation
    assert one.sum is not None
    steps = [finding.contribution for finding in one.findings if finding.contribution]
    assert one.sum.logit == pytest.approx(one.sum.intercept + sum(steps) + one.sum.profile)
    (low, low_risk), (high, high_risk) = one.sum.knots
    assert one.sum.logit > high  # beyond the last knot the risk stays as it is there
    assert "that of +6.00 and whatever lies beyond" in told(carton.replay.folder, FLAGGED_CARTON)
    assert one.sum.risk == np.interp(one.sum.logit, [low, high], [low_risk, high_risk])


def test_each_finding_names_its_numbers_its_entry_and_its_file(
    place: Path, carton: Explained
) -> None:
    by_code = {finding.code: finding for finding in carton.explanation.findings}
    scale = by_code["U3.scale"]
    assert (scale.observed, scale.expected, scale.unit) == (2100.0, 900.0, "g")
    assert (scale.pack, scale.severity) == ("base", "medium")
    assert scale.version is not None
    assert scale.likelihood_ratio is not None
    assert scale.strength == pytest.approx(np.log10(scale.likelihood_ratio))
    count = by_code["pieces.count"]
    assert count.source == "xray.pieces"
    assert count.image_path == f"{FLAGGED_CARTON}.tif"
    assert count.strength is count.contribution is None
    for finding in carton.explanation.findings:
        stored = pl.read_parquet(place / "run" / finding.part)
        assert finding.sentence in stored.filter(owner_id=FLAGGED_CARTON)["sentence"].to_list()


def test_the_exam_and_what_was_not_assessed_are_those_of_the_run(
    place: Path, carton: Explained
) -> None:
    run = read_run(place / "run")
    row = run.cartons.filter(carton_id=FLAGGED_CARTON).row(0, named=True)
    chance = carton.explanation.chance
    assert (chance.arm, chance.inclusion_probability) == (row["arm"], row["propensity"])
    flag = run.flags.filter(owner_id=FLAGGED_CARTON).row(0, named=True)
    assert (chance.rank, chance.minutes) == (flag["rank"], flag["minutes"])
    assert list(carton.explanation.not_assessed) == row["not_assessed"]
    assert carton.parcels_inside == 5  # the row that could not be read is not among them


def test_declared_values_name_their_file_and_row(carton: Explained) -> None:
    declared = {one.name: one for one in carton.declared}
    assert declared["pieces_manifested"].value == "1"
    assert declared["pieces_manifested"].source == "cartons.csv row 2"
    assert "seal_id" not in declared


def test_an_officer_reads_it_from_top_to_bottom(
    carton: Explained, capsys: pytest.CaptureFixture[str]
) -> None:
    print_explanation(carton)
    out = capsys.readouterr().out
    order = [
        "Master carton C-2",
        "bit for bit",
        "What was declared",
        "where nothing is found",
        "calibrated risk",
        "Not assessed",
        "its chance of coming to an exam was",
    ]
    places = [out.index(words) for words in order]
    assert places == sorted(places)
    assert "The X-ray shows" in out
    assert "\x1b" not in out


def test_a_program_reads_the_same(place: Path, carton: Explained) -> None:
    found = json.loads(told(place / "run", FLAGGED_CARTON, "--json"))
    assert found["replay"]["sameness"] == "identical"
    assert found["sum"]["risk"] == carton.explanation.sum.risk  # type: ignore[union-attr]
    assert len(found["findings"]) == len(carton.explanation.findings)


def test_a_row_that_could_not_be_read_is_told_so(place: Path) -> None:
    one = explain(place / "run", REJECTED_ID)
    assert one.explanation.verdict == "quarantined"
    assert one.explanation.sum is None
    assert "declared_weight_g" in one.explanation.not_assessed[0]
    assert "could not be read" in told(place / "run", REJECTED_ID)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(("P-0100",), "did you mean .*'P-010'", id="near"),
        pytest.param(("nothing like it",), "none is near it", id="far"),
        pytest.param(("P-010", "--kind", "carton"), "the id of a carton", id="other kind"),
    ],
)
def test_an_unknown_id_is_refused(place: Path, words: tuple[str, ...], expected: str) -> None:
    with pytest.raises(RunError, match=expected):
        CliRunner().invoke(app, ["explain", str(place / "run"), *words], catch_exceptions=False)


def test_a_run_without_a_plan_is_of_an_earlier_release(copy: Path) -> None:
    (copy / PLAN).unlink()
    with pytest.raises(RunError, match=r"earlier release, which kept no plan\.json"):
        explain(copy, FLAGGED_CARTON)


def test_a_stored_finding_that_was_changed_is_refused(copy: Path) -> None:
    path = copy / "findings" / "part-00000.parquet"
    pl.read_parquet(path).with_columns(pl.col("p_value") * 0.5).write_parquet(path)
    with pytest.raises(RunError, match="expected the file that was committed"):
        explain(copy, FLAGGED_CARTON)


def test_a_change_hidden_from_the_card_is_refused_by_the_ledger(copy: Path) -> None:
    risk_changed(copy)
    with pytest.raises(RunError, match=r"names another cartons/part-00000\.parquet than"):
        explain(copy, FLAGGED_CARTON)


def test_a_change_hidden_from_card_and_ledger_is_noticed_by_the_replay(copy: Path) -> None:
    digest = risk_changed(copy)
    with sqlite3.connect(copy / LEDGER) as database:
        database.execute(
            "UPDATE parts SET sha256 = ? WHERE file = 'cartons/part-00000.parquet'", (digest,)
        )
    database.close()
    one = explain(copy, FLAGGED_CARTON)
    assert one.agreement.sameness == "different"
    assert one.agreement.differences[0].startswith("cartons: risk of C-1: stored ")
    out = told(copy, FLAGGED_CARTON, code=1)
    assert "come to something else" in out


def test_other_packs_show_what_they_would_have_come_to(copy: Path) -> None:
    assert "indicator" in set(replay(copy).window.findings["source"])
    again = replay(copy, indicators=Indicators(packs=()))
    assert "indicator" not in set(again.window.findings["source"])
    assert again.agreement.sameness == "different"


def test_a_difference_in_the_seventh_decimal_is_no_other_result(copy: Path) -> None:
    digest = risk_changed(copy, by=1e-8)
    with sqlite3.connect(copy / LEDGER) as database:
        database.execute(
            "UPDATE parts SET sha256 = ? WHERE file = 'cartons/part-00000.parquet'", (digest,)
        )
    database.close()
    assert replay(copy).agreement.sameness == "to 6 decimals"


def risk_changed(run: Path, by: float = 0.01) -> str:
    """Change the stored risks of cartons, and have the card agree; the digest of the file."""
    cartons = pl.read_parquet(run / "cartons" / "part-00000.parquet")
    part = write_part(run, "cartons", 0, cartons.with_columns(pl.col("risk") - by))
    card = json.loads((run / CARD).read_text())
    for one in card["parts"]:
        if one["file"] == part.file:
            one |= {"sha256": part.sha256, "size_bytes": part.size_bytes}
    (run / CARD).write_text(json.dumps(card))
    return part.sha256


def test_another_feed_bundle_or_pack_is_refused(copy: Path, place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "feed", tmp_path / "feed")
    assert explain(copy, "P-001", feed_folder=tmp_path / "feed").agreement.sameness == "identical"
    with (tmp_path / "feed" / "cartons.csv").open("a") as file:
        file.write("C-3,,1,,\n")
    with pytest.raises(RunError, match="its table cartons is not the one of the run"):
        explain(copy, "P-001", feed_folder=tmp_path / "feed")
    write_sound_bundle(tmp_path / "other", version="2")
    with pytest.raises(BundleError, match=r"was scored by tiny 1 .* got tiny 2 .* with --bundle"):
        explain(copy, "P-001", bundle_folder=tmp_path / "other")
    plan, card = json.loads((copy / PLAN).read_text()), json.loads((copy / CARD).read_text())
    plan["fingerprint"]["packs"]["base"] = "0" * 64
    (copy / PLAN).write_text(json.dumps(plan))
    with pytest.raises(RunError, match=r"expected the run\.json of the run that"):
        explain(copy, "P-001")
    from parcelscope.pipelines.run_plan import read_plan

    settled = read_plan(copy)
    assert settled is not None
    (copy / CARD).write_text(json.dumps(card | {"fingerprint": settled.fingerprint.digest}))
    with pytest.raises((RunError, ConfigError), match="the indicator pack base is not the one"):
        explain(copy, "P-001")


def test_other_instructions_of_the_processor_come_to_the_same_flags(place: Path) -> None:
    from numpy._core._multiarray_umath import (  # type: ignore[attr-defined]
        __cpu_dispatch__,
        __cpu_features__,
    )

    faster = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    if not faster:
        pytest.skip("numpy uses no instructions here beyond those of every processor")
    command = "from parcelscope.pipelines.cli import main; main()"
    words = ["explain", str(place / "run"), FLAGGED_CARTON, "--json"]
    done = subprocess.run(
        [sys.executable, "-c", command, *words],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(faster)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["replay"]["sameness"] in ("identical", "to 6 decimals")
    assert found["replay"]["differences"] == []
