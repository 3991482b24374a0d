"""U8: vague descriptions and unusual values."""

import pytest
from tests.screening import windows as w

from parcelscope.screening.indicators.description import unusual_values, vague_descriptions
from parcelscope.screening.indicators.evidence import Outcome

DESCRIPTION = w.parameters("description")
VALUE = w.parameters("value")


def described(description: str | None) -> Outcome:
    """U8.description on one parcel."""
    of = w.feed([{"parcel_id": "P", "description": description}])
    return vague_descriptions(w.evidence(of), DESCRIPTION)


@pytest.mark.parametrize(
    ("description", "how"),
    [
        ("Gift", "fits almost anything"),
        ("DAILY NECESSITIES", "fits almost anything"),
        ("freight of all kinds", "fits almost anything"),
        ("F.A.K.", "fits almost anything"),
        ("Assorted gift items, 2 pcs", "fits almost anything"),
        ("wearing apparel", "fits almost anything"),
        ("N/A", "fits almost anything"),
        ("misc items", "fits almost anything"),
        ("of", "fits almost anything"),
        ("xx", "has fewer than 3 letters"),
        ("--", "has fewer than 3 letters"),
        ("XK-2201/B", "is a product code without a word"),
        ("6109100000", "is a product code without a word"),
    ],
)
def test_a_description_that_says_nothing_fires(description: str, how: str) -> None:
    assert w.sentences(described(description), "U8.description") == {
        "P": f'The description "{description}" {how}; it should say what the goods are.'
    }


@pytest.mark.parametrize(
    "description",
    [
        "cotton t-shirt, women's",
        "gift box of chocolate",
        "toy car, plastic",
        "USB-C cable 2 m",
        "手机",
        "Schlüsselanhänger",
        "tea",
        "samples of ceramic tile",
    ],
)
def test_a_description_that_names_the_goods_is_silent(description: str) -> None:
    outcome = described(description)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_a_long_description_is_cut_in_the_sentence_alone() -> None:
    outcome = described("items " * 50)
    assert outcome.findings["text"].to_list() == ["items " * 50]
    assert len(w.sentences(outcome, "U8.description")["P"]) < 180


@pytest.mark.parametrize("description", [None, "  "])
def test_a_missing_description_is_not_assessed(description: str | None) -> None:
    outcome = described(description)
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "U8.description") == {
        "P": "the manifest gives no description"
    }


def priced(value: float | None, **columns: object) -> Outcome:
    """U8.value on parcel P of 1 kg among others at 18 to 22 USD per kg."""
    usual = {"hs_code": "6109.10", "currency": "USD", "declared_weight_g": 1000.0}
    rows = [{"parcel_id": f"O{n}", **usual, "value": 18.0 + n % 5} for n in range(40)]
    of = w.feed([*rows, {"parcel_id": "P", **usual, "value": value, **columns}])
    return unusual_values(w.evidence(of), VALUE)


@pytest.mark.parametrize(("value", "says"), [(900.0, "900 USD"), (0.4, "0.4 USD")])
def test_a_value_far_from_the_others_fires(value: float, says: str) -> None:
    assert w.sentences(priced(value), "U8.value") == {
        "P": f"The declared value is {says} per kg; the median of 41 parcels under HS 6109 is 20."
    }


def test_a_value_among_the_others_is_silent() -> None:
    outcome = priced(26.0)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_a_group_of_equal_values_does_not_make_the_next_one_an_outlier() -> None:
    usual = {"hs_code": "6109", "currency": "USD", "declared_weight_g": 1000.0}
    rows = [{"parcel_id": f"O{n}", **usual, "value": 20.0} for n in range(40)]
    of = w.feed([*rows, {"parcel_id": "P", **usual, "value": 21.0}])
    assert unusual_values(w.evidence(of), VALUE).findings.is_empty()


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        pytest.param(
            {"hs_code": "8517"},
            "fewer than 30 parcels of this window under HS 8517 in USD",
            id="an HS heading of its own",
        ),
        pytest.param(
            {"currency": "EUR"},
            "fewer than 30 parcels of this window under HS 6109 in EUR",
            id="a currency of its own",
        ),
        pytest.param(
            {"declared_weight_g": None},
            "the manifest lacks a value, currency, weight or tariff code",
            id="no weight",
        ),
        pytest.param(
            {"hs_code": "61"},
            "the manifest lacks a value, currency, weight or tariff code",
            id="a chapter alone",
        ),
    ],
)
def test_a_value_that_cannot_be_compared_is_not_assessed(
    columns: dict[str, object], reason: str
) -> None:
    outcome = priced(900.0, **columns)
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "U8.value") == {"P": reason}


def test_a_value_of_nothing_is_not_assessed() -> None:
    assert set(w.reasons_not_assessed(priced(0.0), "U8.value")) == {"P"}


def test_a_value_further_off_counts_for_more() -> None:
    near, far = priced(50.0), priced(900.0)
    assert w.ratio(far, "U8.value", "P") > w.ratio(near, "U8.value", "P") > 1


def test_phrases_and_fillers_are_written_as_they_are_compared() -> None:
    for phrase in (*DESCRIPTION.vague_phrases, *DESCRIPTION.filler_words):
        assert phrase == " ".join(phrase.lower().split())
