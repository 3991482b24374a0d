"""The bundle commands from the command line: the whole way of a part to the champion's place."""

import json
from pathlib import Path

import pytest
import yaml
from tests.inference.sound_bundle import write_sound_bundle
from tests.pipelines.evidence import write_evidence
from tests.pipelines.facility_feed import write_facility_feed
from tests.pipelines.test_assemble import FOREIGN, write_part

from parcelscope.models.bundle import CARD, load_bundle
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.promotion_log import log_path, read_promotions


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_sound_bundle(tmp_path / "one", version="1", item_weight=0.0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of `parcelscope bundle words`."""
    with pytest.raises(SystemExit) as leaving:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return int(leaving.value.code or 0), said.out, said.err


def done(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    code, out, err = call(capsys, *words)
    assert code == 0, err
    return out


def test_a_bundle_is_inspected_as_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(done(capsys, "bundle", "inspect", "one", "--json"))
    assert data["digest"] == load_bundle(place / "one")[1]
    assert data["signature"] is None
    assert len(data["bundle"]["detectors"]) == 6


def test_the_built_in_bundle_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    out = done(capsys, "bundle", "inspect")
    assert "xray.pieces on dual scans" in out
    assert "px, fitted to size" in out


def test_every_check_is_told_and_a_failed_one_is_exit_code_2(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = done(capsys, "bundle", "verify", "one")
    assert "xray.items (dual)\n  ok           digest" in out
    (place / "one" / "items-dual.onnx").write_bytes(b"other")
    code, out, err = call(capsys, "bundle", "verify", "one")
    assert code == 2
    assert "  FAILED       digest" in out
    assert err.startswith("parcelscope: one: 1 of ")
    code, out, _ = call(capsys, "bundle", "verify", "one", "--json")
    assert code == 2
    assert [check["name"] for check in json.loads(out) if check["passed"] is False] == ["digest"]


def test_the_way_of_a_part_to_the_champions_place(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="signatures need the sign extra")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")
    (place / "live").symlink_to("one")
    write_part(place / "part", place / "one")
    out = done(
        capsys, "bundle", "assemble", "two", "--from", "live", "--part", "part", "--version", "2"
    )
    assert out.startswith("two: tiny 2, digest ")
    assert "  replaced  xray.items (dual)" in out
    assert "version: 1 -> 2" in done(capsys, "bundle", "diff", "one", "two")
    assert json.loads(done(capsys, "bundle", "diff", "one", "two", "--json"))
    assert "private key" in done(capsys, "bundle", "keygen", "key")
    assert "signed by key" in done(capsys, "bundle", "sign", "two", "--key", "key")
    assert "configured one" in done(capsys, "bundle", "verify", "two", "--public-key", "key.pub")
    assert "MODEL_CARD.md" in done(capsys, "bundle", "card", "two", "--out", "card")
    write_facility_feed(place / "feed")
    words = ["--bundle", "live", "--shadow", "two", "--workers", "1"]
    out = done(capsys, "screen", "feed", "--out", "run", *words)
    assert "shadow   tiny 2 wrote" in out
    out = done(capsys, "bundle", "compare", "run")
    assert "no truth given" in out
    promotion = ["bundle", "promote", "two", "--over", "one", "--to", "live", "--evidence"]
    code, _, err = call(capsys, *promotion, "run/compare.json")
    assert (code, "compare again with --truth" in err) == (2, True)
    write_evidence(place / "better.json", place / "one", place / "two")
    out = done(capsys, *promotion, "better.json", "--by", "a tester")
    assert "is the champion" in out
    assert "model registry" in out
    assert load_bundle(place / "live") == load_bundle(place / "two")
    assert [one.by for one in read_promotions(log_path(place / "live"))] == ["a tester"] * 2


def test_somebody_elses_model_comes_in_by_its_card(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "their.yaml").write_text(yaml.safe_dump(FOREIGN))
    words = ["bundle", "add-model", "one", "one/items-dual.onnx", "--card", "their.yaml"]
    out = done(capsys, *words, "--detector", "xray.items", "--out", "two")
    assert "replaced  xray.items (dual)" in out
    assert (place / "two" / CARD).is_file()
    code, _, err = call(capsys, *words, "--detector", "xray.anomaly", "--out", "three")
    assert code == 2
    assert "['score', 'map'] missing" in err
