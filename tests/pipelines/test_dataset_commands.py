from pathlib import Path

import pytest
from PIL import Image
from tests.datasets.adapters import layouts
from tests.datasets.adapters.layouts import draw, voc_xml

from parcelscope.datasets.adapters.catalog import ADAPTERS
from parcelscope.datasets.annotated import read_annotated
from parcelscope.pipelines.cli import main


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of `parcelscope dataset words`."""
    with pytest.raises(SystemExit) as leaving:
        main(["dataset", *map(str, words)])
    said = capsys.readouterr()
    return int(leaving.value.code or 0), said.out, said.err


def test_a_set_is_imported_looked_at_checked_and_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layouts.yolo(tmp_path / "src")
    folder = tmp_path / "set"
    code, out, _ = call(
        capsys, "import", "yolo", tmp_path / "src", folder,
        "--title", "Our knives", "--licence", "ours alone",
    )  # fmt: skip
    assert code == 0
    assert "Our knives: 8 images in 8 groups" in out
    assert "licence: ours alone" in out
    assert "splits: train 4, val 4" in out
    assert "sizes: 96 x 64 px 8" in out

    code, out, _ = call(capsys, "summary", folder)
    assert code == 0
    assert f"{folder}/summary.png: 8 samples" in out
    with Image.open(folder / "summary.png") as sheet:
        assert sheet.size == (1800, 520)
        # The frame of a box lies on the first sample, which is bright around it.
        assert (30, 136, 229) in {colour for _, colour in sheet.getcolors(1 << 24) or ()}

    assert call(capsys, "check", folder)[:2] == (0, f"{folder}: no fault in 8 images\n")

    code, out, _ = call(capsys, "export", "coco", folder, tmp_path / "coco", "--copy")
    assert (code, out) == (0, f"{tmp_path}/coco: 8 images as coco\n")
    assert (tmp_path / "coco" / "annotations" / "instances_val.json").is_file()


def test_a_summary_shows_every_kind_of_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, make in (("compass-xp", layouts.compass_xp), ("mvtec-ad", layouts.mvtec)):
        make(tmp_path / name)
        assert call(capsys, "import", name, tmp_path / name, tmp_path / f"{name}-set")[0] == 0
        sheet = tmp_path / f"{name}.png"
        code, out, _ = call(capsys, "summary", tmp_path / f"{name}-set", "--sheet", sheet)
        assert code == 0
        assert "anomalous 2, normal" in out
        assert sheet.is_file()


def test_faults_are_printed_and_end_in_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layouts.clcxray(tmp_path / "src")
    source = tmp_path / "src" / "test2017" / "test0.jpg"
    (tmp_path / "src" / "train2017" / "train0.jpg").write_bytes(source.read_bytes())
    folder = tmp_path / "set"
    code, out, _ = call(
        capsys, "import", "clcxray", tmp_path / "src", folder, "--split", "published"
    )
    assert code == 0
    assert "note: 1 groups lie on both sides of the published split" in out
    code, out, err = call(capsys, "check", folder)
    assert code == 2
    assert "alike across splits: images/train/train0.jpg and images/test/test0.jpg" in out
    assert err.splitlines()[-1] == (
        f"parcelscope: {folder}: faults found: group across splits 1, alike across splits 1"
    )


def test_what_was_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(20):
        draw(tmp_path / f"src/JPEGImages/{n}.jpg", n)
        voc_xml(tmp_path / f"src/Annotations/{n}.xml", "knife")
    (tmp_path / "src" / "JPEGImages" / "3.jpg").write_bytes(b"nothing")
    out = call(capsys, "import", "voc", tmp_path / "src", tmp_path / "set", "--seed", "1")[1]
    assert f"left out: 1 pictures or boxes, listed in {tmp_path}/set/left_out.txt" in out
    assert len(read_annotated(tmp_path / "set").images) == 19


def test_the_list_names_every_set_with_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "list")
    assert code == 0
    for adapter in ADAPTERS.values():
        assert f"{adapter.name} " in out
        assert adapter.licence in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("import", "imagenet", "a", "b"), "no data set or layout 'imagenet'"),
        (("import", "coco", "no-such-folder", "b"), "got no such folder"),
        (("import", "coco", ".", "b", "--variant", "x"), "COCO has no variants"),
        (("import", "coco", ".", "b", "--val", "0.9", "--test", "0.2"), "shares below 1"),
        (("summary", "no-such-folder"), "expected a data set of parcelscope"),
        (("check", "."), "expected a data set of parcelscope"),
        (("export", "coco", ".", "b"), "expected a data set of parcelscope"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capsys, *words)
    assert code == 2
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_every_adapter_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
    for adapter in ADAPTERS.values():
        assert f"`{adapter.name}`" in page
        assert adapter.licence.split(",")[0].split(":")[-1].strip() in page
