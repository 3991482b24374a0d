"""`parcelscope indicators`, and a run that answers for its packs."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.datasets.errors import RunError
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.indicator_examples import EXAMPLES
from parcelscope.pipelines.indicator_export import (
    FiredIndicators,
    _safe,
    export_run,
    export_schema,
)
from parcelscope.pipelines.run_folder import read_run
from parcelscope.pipelines.screen import screen
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.indicator_pack import load_pack
from parcelscope.screening.indicators.registry import CODES

PACK = """\
pack: harbour
version: "7"
title: Of another harbour
entries:
  - codes: [U8.description]
    version: 3
    severity: low
    citation: Their own exams of 2026
    effective: {from: 2026-03-01}
    parameters:
      vague_phrases: [shirts]
      filler_words: []
      min_letters: 2
      vague: 1000
      short: 1
      code_only: 1
"""
SCHEMA = Path(__file__).parents[2] / "docs" / "fired-indicators.schema.json"


def write_feed(folder: Path) -> Path:
    """Sixty parcels of three weeks and two countries; a third of them are declared as gifts."""
    folder.mkdir()
    rows = [
        {
            "parcel_id": f"SECRET-ID-{i}",
            "tracking_number": f"SECRET-NUMBER-{i}",
            "consignee_name": f"Secret Name {i}",
            "consignee_address": f"{i} Secret Street",
            "facility": "JFK",
            "lane": "=HYPERLINK(1)" if i == 0 else "CN-US",
            "arrived_at": f"2026-0{2 + i % 3}-10T12:00:00Z",
            "origin_country": "CN" if i % 5 else "VN",
            "description": "gift" if i % 3 == 0 else "shirts",
            "declared_weight_g": 500,
            "measured_weight_g": 1300 if i % 2 else 505,
        }
        for i in range(60)
    ]
    with (folder / "parcels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("indicators")
    write_tiny_bundle(folder / "bundle")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARCELSCOPE_PACKS", str(folder / "packs"))
        screen(
            write_feed(folder / "feed"),
            folder / "run",
            bundle_folder=folder / "bundle",
            workers=1,
        )
        yield folder / "run"


@pytest.fixture
def packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARCELSCOPE_PACKS", str(tmp_path / "packs"))
    (tmp_path / "harbour.yaml").write_text(PACK, encoding="utf-8")
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of `parcelscope indicators words`."""
    with pytest.raises(SystemExit) as leaving:
        main(["indicators", *(str(word) for word in words)])
    said = capsys.readouterr()
    return int(leaving.value.code or 0), said.out, said.err


def done(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    code, out, err = call(capsys, *words)
    assert code == 0, err
    return out


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    code, _, err = call(capsys, *words)
    assert code == 2
    assert err.count("\n") == 1
    return err


def test_every_code_is_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(done(capsys, "list", "--json"))
    assert sorted(line["code"] for line in told) == sorted(CODES)
    assert all(line["citation"] and line["parameters"] for line in told)
    out = done(capsys, "list")
    assert len(out.splitlines()) == len(CODES) + 1


def test_a_listing_follows_packs_and_days(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = ("list", "--pack", "base", "--pack", packs / "harbour.yaml")
    assert "harbour 3     vague description, from 2026-03-01" in done(capsys, *both)
    assert "U8.description" not in done(capsys, *both, "--on", "2026-02-28")
    assert "U8.description" in done(capsys, *both, "--on", "2026-03-01")


@pytest.mark.parametrize("code", list(CODES))
def test_every_code_can_be_explained(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = done(capsys, "explain", code)
    assert out.startswith(f"{code}: ")
    assert "Not assessed where nothing is known, since " in out
    assert "Rests on: " in out


def test_likelihood_ratios_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    out = done(capsys, "explain", "U1.count")
    assert "      from                1    2    4    8\n" in out
    assert "      likelihood ratio   10   30  100  300\n" in out


def test_examples_are_of_codes_that_are() -> None:
    assert set(EXAMPLES) <= set(CODES)


def test_a_pack_is_tried_beside_the_base_pack(
    run: Path, packs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for source in (run, run.parent / "feed"):
        out = done(capsys, "test", packs / "harbour.yaml", source)
        assert out.startswith(
            "harbour version 7: Of another harbour\n  1 entries, 1 codes, all fit"
        )
        # Shirts from March on: two of three months, and of these two of three parcels are shirts.
        line = next(line for line in out.splitlines() if line.startswith("U8.description"))
        fires = int(line.split()[2])
        assert fires == sum(1 for i in range(60) if i % 3 in (1, 2))
        assert line.split()[5:7] == ["20", "(33.3"]
        assert line.split()[8] == "20"  # those of February


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("list", "--pack", "nowhere"), "expected the path of a .yaml file or one of base"),
        (("list", "--on", "soon"), "expected a day like 2026-09-30, got 'soon'"),
        (("explain", "U99"), "expected a code of U1.count"),
        (("explain", "U1.count", "--pack", "./no.yaml"), "no.yaml: expected an indicator pack"),
        (("test", "./no.yaml"), "no.yaml: expected an indicator pack, got: No such file"),
        (("test", "base", "nowhere"), "nowhere: expected a folder with a feed"),
        (("export", "nowhere", "out.json"), "nowhere: expected a complete run"),
        (("export", "nowhere", "out.xlsx"), "expected a name that ends in .json or .csv"),
        (("import", "no.yaml", "--origin", "x"), "no.yaml: expected the file of an indicator pack"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    words: tuple[str, ...],
    says: str,
    packs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(packs)
    assert says in refused(capsys, *words)


def test_an_imported_pack_is_usable_by_name_and_capped(
    packs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("import", packs / "harbour.yaml", "--origin", "Harbour of N.")
    out = done(capsys, *words)
    assert "imported: no finding counts for more than 30" in out
    assert "already holds a pack harbour" in refused(capsys, *words)
    done(capsys, *words, "--replace", "--max-ratio", "5")
    assert load_pack("harbour").max_likelihood_ratio == 5
    assert "no finding counts for more than 5" in done(
        capsys, "explain", "U8.description", "--pack", "harbour"
    )


def exported(run: Path, **options: Any) -> FiredIndicators:
    return export_run(read_run(run), **options)


def test_an_export_holds_counts_and_nobodys_data(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("out.json", "out.csv"):
        out = done(capsys, "export", run, tmp_path / name)
        assert " cells suppressed: " in out
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "U3.scale" in text
        assert "ecret" not in text.lower()
        assert "HYPERLINK" not in text
        assert "SECRET" not in text
    told = FiredIndicators.model_validate_json((tmp_path / "out.json").read_bytes())
    assert told == exported(run)
    assert told.packs[0].name == "base"
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(row["row"] == "cell" for row in rows) == len(told.cells)
    assert rows[-1]["row"] == "suppressed cells"
    assert int(rows[-1]["count"]) == told.suppressed_cells


def test_a_cell_is_a_version_a_band_a_route_and_a_week(run: Path) -> None:
    cell = next(c for c in exported(run).cells if c.code == "U3.scale" and c.week == "2026-W07")
    assert (cell.owner_kind, cell.pack, cell.version, cell.unit) == ("parcel", "base", 1, "g")
    assert (cell.observed_from, cell.observed_to) == (1250.0, 1600.0)
    assert (cell.expected_from, cell.expected_to) == (500.0, 630.0)
    assert (cell.origin_country, cell.facility, cell.lane) == ("CN", "JFK", "CN-US")
    assert cell.count == sum(1 for i in range(60) if i % 3 == 0 and i % 2 and i % 5)


@pytest.mark.parametrize("min_count", [2, 5, 8, 40, 10_000])
def test_no_small_cell_can_be_worked_out(run: Path, min_count: int) -> None:
    told = exported(run, min_count=min_count)
    assert all(cell.count >= min_count for cell in told.cells)
    for total in told.totals:
        shown = [cell.count for cell in told.cells if cell.code == total.code]
        if total.count is not None:
            rest = total.count - sum(shown)
            assert rest == 0 or rest >= min_count


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.integers(2, 10))
def test_what_a_total_leaves_over_is_large_and_of_more_than_one_cell(
    counts: list[int], min_count: int
) -> None:
    keep, whole = _safe(counts, min_count)
    hidden = [count for count, kept in zip(counts, keep, strict=True) if not kept]
    assert all(count >= min_count for count, kept in zip(counts, keep, strict=True) if kept)
    if whole:
        assert not hidden or (len(hidden) > 1 and sum(hidden) >= min_count)
    else:
        assert len(hidden) == len(counts)


def test_the_published_schema_is_that_of_the_file() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == export_schema()


def test_an_export_needs_the_feed(run: Path, tmp_path: Path) -> None:
    told = read_run(run)
    card = told.card.model_copy(update={"feed": str(tmp_path / "gone")})
    with pytest.raises(RunError, match="expected the feed of the run"):
        export_run(type(told)(**{**{f: getattr(told, f) for f in told.__slots__}, "card": card}))


def test_a_run_names_its_packs_and_another_pack_is_another_run(run: Path, packs: Path) -> None:
    card = read_run(run).card
    assert card.indicator_packs is not None
    assert [(pack.name, pack.digest) for pack in card.indicator_packs] == [
        ("base", load_pack("base").digest)
    ]
    assert {code for rule in card.indicator_rules for code in rule.codes} == set(CODES)
    config = load_screening_config().model_copy(
        update={"indicator_packs": ("base", str(packs / "harbour.yaml"))}
    )
    with pytest.raises(RunError, match=r"the indicator pack harbour was None, now is [0-9a-f]{64}"):
        screen(
            run.parent / "feed",
            run,
            bundle_folder=run.parent / "bundle",
            workers=1,
            config=config,
        )
