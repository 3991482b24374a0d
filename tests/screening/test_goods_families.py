"""Which families of goods a declaration names."""

from pathlib import Path

import pytest

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.xray.goods_catalog import CATALOG
from parcelscope.screening.goods_families import load_goods_families

TABLE = load_goods_families()


@pytest.mark.parametrize(
    ("hs_code", "family"),
    [
        pytest.param("610910", "textile", id="chapter"),
        pytest.param("8714.96.10", "metal parts", id="ten digits with dots"),
        pytest.param("950450", "electronics", id="the longest prefix counts"),
        pytest.param("950300", "toys", id="chapter of a longer prefix"),
        pytest.param("6", None, id="too short"),
        pytest.param("270900", None, id="no family"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="missing"),
    ],
)
def test_the_family_of_a_tariff_code(hs_code: str | None, family: str | None) -> None:
    assert TABLE.of_tariff(hs_code) == family


@pytest.mark.parametrize(
    ("description", "families"),
    [
        pytest.param("Cotton T-SHIRTS, 3 pcs", {"textile"}, id="case, plural and number"),
        pytest.param("glass tumblers", {"household"}, id="the longer phrase counts"),
        pytest.param("sunglasses and a leather belt", {"jewellery", "textile"}, id="two families"),
        pytest.param("toy car", {"toys"}, id="phrase"),
        pytest.param("carpet", set(), id="no part of a word"),
        pytest.param("gifts", set(), id="vague"),
        pytest.param(None, set(), id="missing"),
    ],
)
def test_the_families_of_a_description(description: str | None, families: set[str]) -> None:
    assert TABLE.of_words(description) == families


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_an_honest_declaration_of_generated_goods_names_their_family_alone(name: str) -> None:
    entry = CATALOG[name]
    assert TABLE.of_tariff(entry.hs_code) == entry.family
    for description in entry.descriptions:
        assert TABLE.of_words(description) <= {entry.family}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("tariff: {}", "Field required", id="incomplete"),
        pytest.param("version: 1\ntariff: {a: ['6']}\nwords: {a: [b]}", "2 to 6 digits", id="6"),
        pytest.param(
            "version: 1\ntariff: {a: ['61'], c: ['61']}\nwords: {a: [b]}", "one family", id="twice"
        ),
        pytest.param("{", "expected YAML", id="no YAML"),
    ],
)
def test_a_bad_table_is_refused_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "families.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"families\.yaml.*{message}"):
        load_goods_families(path)
