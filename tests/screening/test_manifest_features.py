"""What a manifest row says of itself, and what it adds to the risk."""

import numpy as np
import polars as pl
import pytest
from tests.screening import windows as w

from parcelscope.datasets.errors import BundleError
from parcelscope.datasets.schema import PARCELS
from parcelscope.models.bundle import FusionModel, ManifestTerm, TreeModel
from parcelscope.screening.assess import assess_window
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.fusion import fuse, strengths
from parcelscope.screening.manifest_features import FEATURES, manifest_features, standardised

KNOTS = {"knots_logit": (-6.0, 6.0), "knots_risk": (0.0, 1.0)}
CHEAP = FusionModel(
    intercept=-3.0,
    weights={"item.*": 1.0},
    manifest=(ManifestTerm(name="value_per_gram", mean=-1.0, scale=0.5, weight=-2.0),),
    **KNOTS,
)


def parcel(parcel_id: str, **facts: object) -> dict[str, object]:
    row: dict[str, object] = {
        "parcel_id": parcel_id,
        "value": 20.0,
        "currency": "USD",
        "declared_weight_g": 200.0,
        "quantity": 2.0,
        "description": "cotton t-shirts",
        "hs_code": "610910",
        "origin_country": "cn ",
    }
    return row | facts


def features_of(*rows: dict[str, object]) -> pl.DataFrame:
    return manifest_features(w.evidence(w.feed(rows)))


def test_the_features_of_a_plain_row() -> None:
    assert features_of(parcel("P")).row(0, named=True) == {
        "owner_id": "P",
        "origin_country": "CN",
        "value_per_gram": pytest.approx(-1.0),
        "weight_per_unit": pytest.approx(2.0),
        "declared_weight": pytest.approx(np.log10(200)),
        "units": pytest.approx(np.log10(2)),
        "description_words": 2.0,
        "families_apart": 0.0,
    }


@pytest.mark.parametrize(
    ("facts", "silent"),
    [
        pytest.param({"value": None}, {"value_per_gram"}, id="no value"),
        pytest.param({"value": 0.0}, {"value_per_gram"}, id="no worth"),
        pytest.param({"currency": "EUR"}, {"value_per_gram"}, id="another currency"),
        pytest.param({"quantity": 0.0}, {"units", "weight_per_unit"}, id="no units"),
        pytest.param({"hs_code": None}, {"families_apart"}, id="no tariff code"),
        pytest.param({"description": "gifts"}, {"families_apart"}, id="a vague description"),
    ],
)
def test_what_a_row_does_not_say_is_unknown_and_never_zero(
    facts: dict[str, object], silent: set[str]
) -> None:
    row = features_of(parcel("A"), parcel("B"), parcel("P", **facts)).row(2, named=True)
    assert {name for name, value in row.items() if value is None} == silent


def test_tariff_code_and_words_of_different_families_stand_apart() -> None:
    assert features_of(parcel("P", hs_code="850440"))["families_apart"].to_list() == [1.0]


def test_no_column_about_a_person_is_read() -> None:
    people = [c.name for c in PARCELS.columns if c.name.startswith(("shipper", "consignee"))]
    marked = dict.fromkeys([*people, "trader_id", "trader_tier"], "X")
    assert features_of(parcel("P", **marked)).equals(features_of(parcel("P")))


def test_scales_are_capped_and_unknown_values_count_as_usual() -> None:
    known = features_of(parcel("A"), parcel("B", value=2e9), parcel("C", value=None))
    assert standardised(known, CHEAP)[:, 0].tolist() == [pytest.approx(0.0), 3.0, 0.0]


def test_a_row_that_doubles_the_odds_is_a_reason_in_words() -> None:
    rows = [parcel("DEAR"), parcel("CHEAP", value=0.4)]
    bundle = w.bundle().model_copy(update={"parcel_fusion": CHEAP})
    evidence = w.evidence(w.feed(rows))
    window = assess_window(
        evidence.feed,
        evidence.findings,
        evidence.not_assessed,
        bundle,
        load_screening_config(),
        seed=0,
    )
    told = {
        row["parcel_id"]: (row["risk"], row["reasons"])
        for row in window.parcels.iter_rows(named=True)
    }
    assert told["CHEAP"][1] == [
        "Manifest rows like this one were found violative more often: low value per gram."
    ]
    assert told["DEAR"][1] == []
    assert told["CHEAP"][0] > told["DEAR"][0]
    assert "manifest.profile" in window.findings["code"].to_list()


def test_trees_take_the_place_of_the_sum_and_need_their_graph() -> None:
    trees = TreeModel(
        file="risk.onnx", sha256="0" * 64, columns=("findings", "item.*", "value_per_gram")
    )
    model = CHEAP.model_copy(update={"trees": trees})
    found = strengths(
        w.evidence(w.feed(), [w.item("P", "knife", score=0.9, p_value=0.01)]).findings
    )
    owners = pl.Series(["P", "Q"])
    seen = []

    def scorer(columns: np.ndarray) -> np.ndarray:
        seen.append(columns.tolist())
        return columns[:, 1].astype(np.float64) - columns[:, 2]

    features = features_of(parcel("P", value=2.0))
    fused = fuse(owners, found, model, features=features, scorer=scorer)
    assert seen[0] == [
        [pytest.approx(-1.0), pytest.approx(2.0), pytest.approx(-2.0)],
        [pytest.approx(-3.0), 0.0, 0.0],
    ]
    assert fused.risk["logit"].to_list() == [pytest.approx(4.0), 0.0]
    assert fused.profile.tolist() == [pytest.approx(2.0), 0.0]
    with pytest.raises(BundleError, match=r"needs risk\.onnx"):
        fuse(owners, found, model)


def test_every_feature_has_words() -> None:
    columns = set(features_of(parcel("P")).columns) - {"owner_id", "origin_country"}
    assert columns | {"origin"} == set(FEATURES)
