"""Packs of indicators: read strictly, refused with the place, combined by code."""

from pathlib import Path

import pytest

from parcelscope.datasets.errors import ConfigError
from parcelscope.screening.indicator_pack import Indicators, load_indicators, load_pack
from parcelscope.screening.pack_file import parse_pack
from parcelscope.screening.pack_yaml import MAX_BYTES

HEAD = "pack: own\nversion: '1'\ntitle: A test\nentries:\n"


def entry(
    codes: str = "[ID.check]",
    *,
    parameters: str = "{likelihood_ratio: 4}",
    effective: str = "",
    more: str = "",
) -> str:
    lines = [
        f"  - codes: {codes}",
        "    version: 1",
        "    severity: low",
        "    citation: A rule",
        f"    parameters: {parameters}",
        *([f"    effective: {effective}"] if effective else []),
        *([f"    {more}"] if more else []),
    ]
    return "\n".join(lines) + "\n"


PHRASES = (
    "{vague_phrases: [gift], filler_words: [], min_letters: 2, vague: 2, short: 2, code_only: 2}"
)


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_pack(text.encode(), "own.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_pack_that_ships_is_whole() -> None:
    pack = load_pack("base")
    assert pack.name == "base"
    assert len(pack.digest) == 64
    assert pack.max_likelihood_ratio is None
    assert all(rule.citation for rule in pack.rules)


def test_the_pack_in_the_documentation_fits() -> None:
    doc = Path(__file__).parents[2] / "docs" / "indicators.md"
    text = doc.read_text(encoding="utf-8").split("## Packs")[1]
    (rule,) = parse_pack(text.split("```")[1].removeprefix("yaml").encode(), "docs").rules
    assert (rule.codes, rule.when) == (("U8.value",), "from 2026-07-01 until 2026-12-31")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "expected a mapping with pack, version, entries, got None", id="empty"),
        pytest.param(
            HEAD + entry("[U99.none]"),
            "line 5: expected a code of ",
            id="an unknown code",
        ),
        pytest.param(
            HEAD + entry(parameters="{likelihood_ratio: 4, ratio: 3}"),
            "line 9: entries.0 (ID.check).parameters.ratio: Extra inputs are not permitted",
            id="an unknown parameter",
        ),
        pytest.param(
            HEAD + entry(parameters="{likelihood_ratio: 0.5}"),
            "line 9: entries.0 (ID.check).parameters.likelihood_ratio: Input should be greater",
            id="a ratio below one",
        ),
        pytest.param(
            HEAD + entry("[U8.description]", parameters=PHRASES.replace("gift", "(gift")),
            "entries.0 (U8.description).parameters.vague_phrases.0: String should match pattern",
            id="a word that means something to a search",
        ),
        pytest.param(
            HEAD + entry(more="cite: yes"),
            "line 10: entries.0 (ID.check).cite: Extra inputs are not permitted",
            id="an unknown key",
        ),
        pytest.param(
            (HEAD + entry()).replace("    citation: A rule\n", ""),
            "line 5: entries.0 (ID.check).citation: Field required",
            id="no citation",
        ),
        pytest.param(
            HEAD + entry("[ID.check, U8.value]"),
            "line 5: expected codes of one indicator, got ID.check of check digits and U8.value",
            id="codes of two indicators",
        ),
        pytest.param(
            HEAD + entry(effective="{from: 2026-02-01, until: 2026-01-01}"),
            "line 10: entries.0 (ID.check).effective: Value error, until must not lie before from",
            id="days the wrong way round",
        ),
        pytest.param(
            HEAD
            + entry(effective="{from: 2026-01-01, until: 2026-06-30}")
            + entry(effective="{from: 2026-06-30}"),
            "line 11: expected one entry for ID.check on each day, got version 1 (from"
            " 2026-01-01 until 2026-06-30) and version 1 (from 2026-06-30)",
            id="overlapping days",
        ),
        pytest.param(
            HEAD + entry() + entry(),
            "expected one entry for ID.check on each day, got version 1 (always)",
            id="twice for ever",
        ),
        pytest.param(
            HEAD.replace("own", "../own") + entry(),
            "line 1: pack: String should match",
            id="a path",
        ),
        pytest.param(
            HEAD.replace("A test", '"\\e[2J"') + entry(),
            "line 3: title: String should match",
            id="a control character",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(text: str, says: str) -> None:
    assert says in refused(text)


BOMB = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(BOMB, "line 1: anchors and aliases are not accepted", id="an alias bomb"),
        pytest.param("a: &a [*a]", "anchors and aliases", id="a value inside itself"),
        pytest.param(
            "pack: !!python/object/apply:os.system ['true']",
            "line 1: tags are not accepted, got tag:yaml.org,2002:python/object/apply:os.system",
            id="a tag that calls",
        ),
        pytest.param("pack: !include /etc/passwd", "tags are not accepted", id="a tag that reads"),
        pytest.param("[" * 5000, "nested deeper than 12", id="deep"),
        pytest.param("a: " + "[" * 20 + "]" * 20, "line 1: nested deeper than 12", id="too deep"),
        pytest.param("a: 1\na: 2", "line 2: the key a stands twice", id="a key twice"),
        pytest.param("x" * (MAX_BYTES + 1), "expected at most 1,048,576 bytes", id="large"),
        pytest.param("a: 1\n---\nb: 2", "expected YAML, got", id="two documents"),
        pytest.param("a: 2026-13-45", "expected YAML, got: month must be", id="no such day"),
        pytest.param("a: " + "9" * 5000, "expected YAML, got: Exceeds", id="a long number"),
        pytest.param("a: .inf", "expected finite numbers up to 1e+12, got inf", id="infinite"),
        pytest.param(
            "a: [.nan]", "expected finite numbers up to 1e+12, got nan", id="not a number"
        ),
        pytest.param("? [a, b]\n: 1", "line 1: expected a plain key", id="a list as a key"),
        pytest.param("a: 1.0e+13", "up to 1e+12, got 10000000000000.0", id="immense"),
        pytest.param("a: [1", "expected YAML, got", id="broken"),
        pytest.param("a: \x00", "expected YAML, got", id="a null byte"),
    ],
)
def test_yaml_that_is_more_than_plain_values_is_refused(text: str, says: str) -> None:
    assert says in refused(text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"own\.yaml: expected UTF-8, got another byte at 0"):
        parse_pack(b"\xff\xfe\x00", "own.yaml")


def own(folder: Path, text: str) -> Indicators:
    path = folder / "own.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_indicators(["base", str(path)])


def test_a_code_is_taken_from_the_last_pack_that_has_it(tmp_path: Path) -> None:
    both = own(tmp_path, entry())
    (rule,) = (rule for rule in both.rules if "ID.check" in rule.codes)
    assert rule.pack == "own"
    assert both.codes.keys() == load_indicators(["base"]).codes.keys()


def test_of_an_entry_with_several_codes_one_may_be_taken_over(tmp_path: Path) -> None:
    parameters = load_pack("base")
    rows = next(rule for rule in parameters.rules if "U2.weight" in rule.codes).parameters
    both = own(tmp_path, entry("[U2.weight]", parameters=rows.model_dump_json()))
    taken = {code: rule.pack for rule in both.rules for code in rule.codes}
    assert (taken["U2.pieces"], taken["U2.weight"]) == ("base", "own")


def test_a_pack_alone_looks_for_its_codes_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(HEAD + entry(), encoding="utf-8")
    assert set(load_indicators([str(path)]).codes) == {"ID.check"}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["bse"], "expected the path of a .yaml file or one of base"),
        (["base", "base"], "expected each pack once, got base twice"),
        (["./none.yaml"], "none.yaml: expected an indicator pack, got: No such file"),
    ],
)
def test_a_pack_that_is_not_there_is_named(
    names: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARCELSCOPE_PACKS", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        load_indicators(names)
    assert says in str(caught.value)
