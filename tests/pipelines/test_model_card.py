"""The model card: all that must be in it, in both formats, and nothing that breaks out of them."""

import json
from pathlib import Path

import pytest
from tests.inference.sound_bundle import write_sound_bundle

from parcelscope.datasets.errors import RunError
from parcelscope.models.bundle import Bundle, builtin_bundle_folder, load_bundle
from parcelscope.pipelines.model_card import (
    MARKDOWN,
    NOT_FOR,
    PAGE,
    read_evaluation,
    write_model_card,
)

HOSTILE = '<img src=x onerror="alert(1)"> | `code` *bold*'


def write(out: Path, bundle: Bundle, *evaluations: Path) -> tuple[str, str]:
    figures = [read_evaluation(path) for path in evaluations]
    paths = write_model_card(out, bundle, "d" * 64, None, figures)
    assert [path.name for path in paths] == [MARKDOWN, PAGE]
    return paths[0].read_text(), paths[1].read_text()


def evaluation(folder: Path, content: object) -> Path:
    folder.mkdir()
    path = folder / "evaluation.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("kind", [0, 1], ids=["markdown", "page"])
def test_the_card_of_the_built_in_bundle_says_what_it_must(tmp_path: Path, kind: int) -> None:
    bundle, _ = load_bundle(builtin_bundle_folder())
    text = write(tmp_path, bundle)[kind]
    for title in (
        "What it is", "Intended use", "Must not be used for", "Detectors", "Training data",
        "Figures in the bundle", "Figures on whole runs", "Calibration", "From findings to risk",
        "Limits",
    ):  # fmt: skip
        assert title in text
    assert bundle.training_data in text
    assert bundle.licence in text
    for card in bundle.detectors:
        assert f"{card.width_px} x {card.height_px} px" in text
    assert "No evaluation was named when this card was written, so none is claimed." in text
    assert NOT_FOR[0] in text


def test_figures_of_an_evaluation_have_their_interval(tmp_path: Path) -> None:
    path = evaluation(
        tmp_path / "hard-run",
        [
            {
                "what": "items, raw scans: mAP50",
                "unit": "",
                "figure": {"value": 0.135, "low": 0.1, "high": 0.171, "count": 412},
            },
            {
                "what": "  knife: AP50",
                "unit": "",
                "figure": {"value": 0.2, "low": float("nan"), "high": float("nan"), "count": 412},
            },
        ],
    )
    text, _ = write(tmp_path / "card", write_sound_bundle(tmp_path / "bundle"), path)
    assert "## Figures of hard-run/evaluation.json" in text
    assert "| items, raw scans: mAP50 | 0.135 | 0.100 to 0.171 | 412 |" in text
    assert "| knife: AP50 | 0.200 |  | 412 |" in text
    assert "Nothing in this card says how well" not in text


def test_a_metric_in_the_bundle_may_bring_its_interval(tmp_path: Path) -> None:
    bundle = write_sound_bundle(tmp_path / "bundle")
    card = bundle.detectors[0].model_copy(
        update={"metrics": {"map50": 0.71, "map50_low": 0.65, "map50_high": 0.77}}
    )
    text, _ = write(
        tmp_path / "card",
        bundle.model_copy(update={"detectors": (card, *bundle.detectors[1:])}),
    )
    assert "| xray.items (dual) | map50 | 0.71 | 0.65 to 0.77 |" in text
    assert "map50 low" not in text


def test_thresholds_are_shown_with_what_is_known_of_them(tmp_path: Path) -> None:
    text, _ = write(tmp_path / "card", write_sound_bundle(tmp_path / "bundle"))
    row = "| xray.items (dual) | any | handgun | 400 | 0.500 | 1, at most 1.18% of all (95% sure) |"
    assert row in text


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    bundle = write_sound_bundle(tmp_path / "bundle").model_copy(
        update={"name": HOSTILE, "notes": HOSTILE, "training_data": HOSTILE}
    )
    text, page = write(tmp_path / "card", bundle)
    assert "<img" not in page
    assert "<img" not in text
    assert "onerror" in page
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(row.replace("\\|", "").count("|") >= 3 for row in rows)


def test_references_and_manifest_terms_are_told(tmp_path: Path) -> None:
    bundle = write_sound_bundle(tmp_path / "bundle")
    data = bundle.model_dump(mode="json")
    data["references"] = {
        "file": "features.onnx",
        "sha256": "0" * 64,
        "cards": [
            {"sku": "TEA-1", "brand": "Leaf", "file": "a.npz", "sha256": "1" * 64, "photos": 12}
        ],
    }
    data["parcel_fusion"]["manifest"] = [
        {"name": "value", "mean": 1.0, "scale": 2.0, "weight": 0.3}
    ]
    text, _ = write(tmp_path / "card", Bundle.model_validate(data))
    assert "| TEA-1 | Leaf | 12 | 0 |  |" in text
    assert "of the manifest row value 0.30" in text


@pytest.mark.parametrize("content", [{}, [1], [{"what": "x"}], "text"], ids=str)
def test_what_is_no_evaluation_is_named(tmp_path: Path, content: object) -> None:
    path = evaluation(tmp_path / "run", content)
    if content == {}:
        assert read_evaluation(path).lines == ()
        return
    with pytest.raises(RunError, match=r"evaluation\.json: expected the evaluation\.json that"):
        read_evaluation(path)
