"""Packs of other facilities are checked when they come in and kept as they came."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.screening.test_indicator_run import PACK

from parcelscope.datasets.errors import ConfigError
from parcelscope.screening.indicator_pack import load_pack
from parcelscope.screening.pack_file import IndicatorPack
from parcelscope.screening.pack_store import import_pack, read_origin, stored_packs

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "packs"
    monkeypatch.setenv("PARCELSCOPE_PACKS", str(folder))
    return folder


def take(folder: Path, text: str = PACK, *, replace: bool = False) -> IndicatorPack:
    path = folder / "sent.yaml"
    path.write_text(text, encoding="utf-8")
    return import_pack(
        path,
        origin="Facility of another port",
        now=NOW,
        reserved=frozenset({"base"}),
        replace=replace,
    )


def test_an_imported_pack_is_found_by_the_name_it_gives_itself(tmp_path: Path, store: Path) -> None:
    taken = take(tmp_path)
    assert stored_packs() == ("dated",)
    assert load_pack("dated") == taken
    assert taken.max_likelihood_ratio == 30
    told = read_origin("dated")
    assert (told.origin, told.sha256) == ("Facility of another port", taken.digest)
    assert told.imported == "2026-11-01T12:00:00+00:00"
    assert (store / "dated.yaml").read_text(encoding="utf-8") == PACK


def test_a_pack_that_changed_since_its_import_is_refused(tmp_path: Path, store: Path) -> None:
    take(tmp_path)
    (store / "dated.yaml").write_text(PACK.replace("9", "90"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"expected the file that was imported"):
        load_pack("dated")


def test_a_second_import_of_a_name_is_asked_for(tmp_path: Path, store: Path) -> None:
    take(tmp_path)
    with pytest.raises(ConfigError, match=r"already holds a pack dated; add --replace"):
        take(tmp_path, PACK.replace('"1"', '"2"'))
    assert take(tmp_path, PACK.replace('"1"', '"2"'), replace=True).version == "2"
    assert load_pack("dated").version == "2"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(PACK.replace("dated", "base"), "got base, which ships", id="a taken name"),
        pytest.param(
            PACK.replace("dated", "../../x"), "pack: String should match", id="a path as name"
        ),
        pytest.param(PACK.replace("dated", ".hidden"), "should match", id="a hidden name"),
        pytest.param(PACK.replace("    citation: After\n", ""), "citation", id="no citation"),
        pytest.param(PACK + "x" * 2_000_000, "expected at most 1,048,576 bytes", id="too large"),
        pytest.param(
            PACK.replace("{likelihood_ratio: 9}", "{likelihood_ratio: .inf}"),
            "expected finite numbers",
            id="an infinite ratio",
        ),
    ],
)
def test_a_pack_that_does_not_fit_leaves_nothing_behind(
    tmp_path: Path, store: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        take(tmp_path, text)
    assert says in str(caught.value)
    assert not store.exists()


@pytest.mark.parametrize("name", ["none.yaml", "."])
def test_a_source_that_is_no_file_is_refused(tmp_path: Path, store: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="expected the file of an indicator pack"):
        import_pack(tmp_path / name, origin="x", now=NOW, reserved=frozenset())


def test_an_origin_with_control_characters_is_refused(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "sent.yaml"
    path.write_text(PACK, encoding="utf-8")
    with pytest.raises(ConfigError, match="origin: String should match"):
        import_pack(path, origin="a\x1b[2J", now=NOW, reserved=frozenset())
    assert not store.exists()
