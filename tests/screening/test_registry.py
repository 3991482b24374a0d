"""Every code is documented and comes from one indicator."""

from pathlib import Path

import pytest
from tests.screening import windows as w

from parcelscope.screening.indicator_pack import load_indicators, load_pack
from parcelscope.screening.indicator_run import run_indicators
from parcelscope.screening.indicators.registry import CODES, INDICATORS

DOC = Path(__file__).parents[2] / "docs" / "indicators.md"


@pytest.mark.parametrize("code", [*CODES, "item.<class>", "anomaly.scan"])
def test_every_code_is_in_the_documentation(code: str) -> None:
    row = next(line for line in DOC.read_text().splitlines() if line.startswith(f"| `{code}` |"))
    said_of = row.split("|")[2].strip()
    assert said_of == ", ".join(CODES.get(code, ("parcel",)))


def test_an_empty_manifest_row_leaves_every_check_not_assessed() -> None:
    of = w.evidence(w.feed([{"parcel_id": "P"}], [{"carton_id": "C"}]))
    outcome = run_indicators(of, load_indicators(["base"]))
    assert outcome.findings.is_empty()
    said = set(outcome.not_assessed.select("check", "owner_kind").iter_rows())
    assert said == {(code, kind) for code, kinds in CODES.items() for kind in kinds}


@pytest.mark.parametrize("name", sorted(INDICATORS))
def test_an_indicator_says_nothing_of_an_empty_window(name: str) -> None:
    outcome = INDICATORS[name].run(w.evidence(w.feed()), w.parameters(name))
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_the_pack_that_ships_names_every_code_once() -> None:
    named = [code for rule in load_pack("base").rules for code in rule.codes]
    assert sorted(named) == sorted(CODES)
