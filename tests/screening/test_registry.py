"""Every code is documented and comes from one indicator."""

from pathlib import Path

import pytest
from tests.screening import windows as w

from parcelscope.screening.config import load_screening_config
from parcelscope.screening.indicators.registry import CODES, INDICATORS

DOC = Path(__file__).parents[2] / "docs" / "indicators.md"


@pytest.mark.parametrize("code", [*CODES, "item.<class>", "anomaly.scan"])
def test_every_code_is_in_the_documentation(code: str) -> None:
    row = next(line for line in DOC.read_text().splitlines() if line.startswith(f"| `{code}` |"))
    said_of = row.split("|")[2].strip()
    assert said_of == ", ".join(CODES.get(code, ("parcel",)))


def test_an_empty_manifest_row_leaves_every_check_not_assessed() -> None:
    of = w.evidence(w.feed([{"parcel_id": "P"}], [{"carton_id": "C"}]))
    config = load_screening_config()
    outcomes = [indicator(of, config) for indicator in INDICATORS.values()]
    assert all(outcome.findings.is_empty() for outcome in outcomes)
    said = {
        (check, kind)
        for outcome in outcomes
        for check, kind in outcome.not_assessed.select("check", "owner_kind").iter_rows()
    }
    assert said == {(code, kind) for code, kinds in CODES.items() for kind in kinds}


@pytest.mark.parametrize("name", sorted(INDICATORS))
def test_an_indicator_says_nothing_of_an_empty_window(name: str) -> None:
    outcome = INDICATORS[name](w.evidence(w.feed()), load_screening_config())
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()
