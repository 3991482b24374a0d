"""New bundles from old ones: trained parts, somebody else's models, and what differs after."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import yaml
from onnx import helper
from tests.inference.sound_bundle import TAIL, write_sound_bundle

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.inference.verification import verify_bundle
from parcelscope.models.bundle import DetectorCard, load_bundle
from parcelscope.models.bundle_writing import PART_CARD
from parcelscope.pipelines.assemble import Assembled, add_model, assemble
from parcelscope.pipelines.bundle_diff import describe_changes, diff_bundles


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_sound_bundle(tmp_path / "base")
    return tmp_path / "base"


def write_part(folder: Path, base: Path, name: str = "items-dual.onnx", **facts: object) -> Path:
    """The detector `name` of the bundle in `base` as a freshly trained part."""
    folder.mkdir(exist_ok=True)
    bundle, _ = load_bundle(base)
    (card,) = [one for one in bundle.detectors if one.file == name]
    model = onnx.load(base / name)
    model.doc_string = "trained again"
    content = model.SerializeToString()
    (folder / name).write_bytes(content)
    fresh = card.model_copy(update={"sha256": hashlib.sha256(content).hexdigest(), **facts})
    (folder / PART_CARD).write_text(fresh.model_dump_json())
    return folder


def test_a_trained_part_takes_the_place_of_the_old_one(base: Path, tmp_path: Path) -> None:
    part = write_part(tmp_path / "part", base, thresholds={"handgun": 0.55})
    made = assemble(tmp_path / "new", base, [part], name=None, version=None)
    bundle, digest = load_bundle(tmp_path / "new")
    old, _ = load_bundle(base)
    assert (made.bundle, made.digest) == (bundle, digest)
    assert made.replaced == ("xray.items (dual)",)
    assert made.added == ()
    assert len(bundle.detectors) == len(old.detectors)
    card = bundle.card("xray.items", "dual")
    assert card is not None
    assert card.thresholds == {"handgun": 0.55}
    assert bundle.name == "tiny"
    assert bundle.version.startswith("1+")
    assert "fitted before xray.items (dual) came in" in bundle.notes
    assert all(c.passed is not False for c in verify_bundle(tmp_path / "new", max_alarm_share=0.02))


def test_the_base_is_left_as_it_was(base: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in base.iterdir()}
    assemble(tmp_path / "new", base, [write_part(tmp_path / "p", base)], name="n", version="9")
    assert {path.name: path.read_bytes() for path in base.iterdir()} == before
    assert (tmp_path / "new" / "items-dual.onnx").read_bytes() != before["items-dual.onnx"]


def test_a_part_whose_file_has_the_name_of_another_gets_its_own(base: Path, tmp_path: Path) -> None:
    part = write_part(tmp_path / "p", base, "items-colour.onnx")
    (part / "items-colour.onnx").rename(part / "pieces-dual.onnx")
    card = DetectorCard.model_validate_json((part / PART_CARD).read_bytes())
    renamed = card.model_copy(update={"file": "pieces-dual.onnx"})
    (part / PART_CARD).write_text(renamed.model_dump_json())
    made = assemble(tmp_path / "new", base, [part], name=None, version=None)
    files = [one.file for one in made.bundle.detectors]
    assert len(set(files)) == len(files)
    assert made.replaced == ("xray.items (colour)",)


def no_card(part: Path) -> None:
    (part / PART_CARD).unlink()


def altered(part: Path) -> None:
    (part / "items-dual.onnx").write_bytes(b"other")


def wrong_card(part: Path) -> None:
    (part / PART_CARD).write_text('{"detector": "xray.items"}')


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(no_card, r"expected a trained part with a card\.json", id="no card"),
        pytest.param(altered, "expected SHA-256", id="altered"),
        pytest.param(wrong_card, r"card\.json: input: Field required", id="card"),
    ],
)
def test_a_part_that_is_none_is_refused_and_nothing_is_written(
    base: Path, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    part = write_part(tmp_path / "part", base)
    spoil(part)
    with pytest.raises(BundleError, match=says):
        assemble(tmp_path / "new", base, [part], name=None, version=None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "part"]


def test_two_parts_for_one_place_are_refused(base: Path, tmp_path: Path) -> None:
    parts = [write_part(tmp_path / name, base) for name in ("a", "b")]
    with pytest.raises(BundleError, match=r"two parts take the place of xray\.items \(dual\)"):
        assemble(tmp_path / "new", base, parts, name=None, version=None)


def test_a_folder_in_use_is_not_written_to(base: Path, tmp_path: Path) -> None:
    part = write_part(tmp_path / "part", base)
    with pytest.raises(BundleError, match="expected a new or empty folder"):
        assemble(base, base, [part], name=None, version=None)


FOREIGN = {
    "input": "dual",
    "width_px": 64,
    "height_px": 48,
    "mm_per_px": 4.0,
    "classes": ["knife", "scissors"],
    "licence": "MIT",
    "training_data": "scans of another facility",
    "thresholds": {"knife": 0.5},
    "genuine": {"knife": TAIL.model_dump()},
}


def add(base: Path, tmp_path: Path, model: Path, **facts: object) -> Assembled:
    card = tmp_path / "card.yaml"
    card.write_text(yaml.safe_dump(FOREIGN | facts))
    return add_model(
        tmp_path / "new",
        base,
        model,
        card,
        detector="xray.items",
        max_alarm_share=0.02,
        name=None,
        version=None,
    )


@pytest.fixture
def foreign(base: Path, tmp_path: Path) -> Path:
    """Somebody else's model: another file name, another producer."""
    model = onnx.load(base / "items-dual.onnx")
    model.producer_name = "somebody else"
    path = tmp_path / "their model.onnx"
    onnx.save(model, path)
    return path


def test_somebody_elses_model_goes_in_through_the_same_contract(
    base: Path, tmp_path: Path, foreign: Path
) -> None:
    made = add(base, tmp_path, foreign)
    card = made.bundle.card("xray.items", "dual")
    assert card is not None
    assert (card.file, card.licence) == ("xray-items-dual.onnx", "MIT")
    assert card.training_data == "scans of another facility"
    assert made.replaced == ("xray.items (dual)",)
    assert all(c.passed is not False for c in verify_bundle(tmp_path / "new", max_alarm_share=0.02))


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        pytest.param({"width_px": 128}, "contract: expected the one input", id="size"),
        pytest.param({"input": "colour"}, "contract: expected the one input", id="kind"),
        pytest.param(
            {"classes": ["knife"]}, r"'peaks': expected shape \(5, 1, any, any\), got", id="classes"
        ),
        pytest.param(
            {"genuine": {}}, "calibration: knife: a threshold of 0.5, but no", id="calibration"
        ),
    ],
)
def test_each_mismatch_is_one_sentence(
    base: Path, tmp_path: Path, foreign: Path, facts: dict[str, object], says: str
) -> None:
    with pytest.raises(BundleError, match=rf"their model\.onnx: as xray\.items .*{says}"):
        add(base, tmp_path, foreign, **facts)
    assert not (tmp_path / "new").exists()


def test_a_model_of_another_opset_is_refused(base: Path, tmp_path: Path, foreign: Path) -> None:
    model = onnx.load(foreign)
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", 22))
    onnx.save(model, foreign)
    with pytest.raises(BundleError, match="opset: expected opset 18 or lower, got 22"):
        add(base, tmp_path, foreign)


def test_weights_beside_the_model_are_refused(base: Path, tmp_path: Path, foreign: Path) -> None:
    model = onnx.load(foreign)
    onnx.save(model, foreign, save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(BundleError, match="expected all weights inside the file"):
        add(base, tmp_path, foreign)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        pytest.param({"surprise": 1}, "surprise: Extra inputs", id="unknown key"),
        pytest.param({"licence": None}, "licence: Input should be", id="no licence"),
        pytest.param({"input": "grey"}, "input: Input should be", id="unknown kind"),
    ],
)
def test_a_card_that_does_not_say_what_it_must_is_named(
    base: Path, tmp_path: Path, foreign: Path, facts: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigError, match=rf"card\.yaml: {says}"):
        add(base, tmp_path, foreign, **facts)


def test_a_detector_that_nobody_knows_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--detector must be one of xray\.items.*got 'x'"):
        add_model(
            tmp_path / "new", base, tmp_path / "m", tmp_path / "c", detector="x",
            max_alarm_share=0.02, name=None, version=None,
        )  # fmt: skip


def test_equal_bundles_do_not_differ(base: Path) -> None:
    bundle, _ = load_bundle(base)
    assert diff_bundles(bundle, bundle) == []
    assert list(describe_changes([])) == ["the bundles do not differ"]


def test_a_difference_is_told_part_by_part(base: Path, tmp_path: Path) -> None:
    part = write_part(tmp_path / "p", base, thresholds={"handgun": 0.55}, metrics={"map50": 0.71})
    made = assemble(tmp_path / "new", base, [part], name="better", version="2")
    before, _ = load_bundle(base)
    fusion = before.parcel_fusion.model_copy(update={"weights": {"item.*": 2.0}})
    after = made.bundle.model_copy(
        update={"parcel_fusion": fusion, "detectors": made.bundle.detectors[:-1]}
    )
    text = "\n".join(describe_changes(diff_bundles(before, after)))
    for line in (
        "  name: tiny -> better",
        "parcel fusion\n  weights item.*: 1 -> 2",
        "xray.items (dual)\n  sha256: ",
        "  thresholds handgun: 0.5 -> 0.55",
        "  thresholds utility_knife: 0.5 -> none",
        "  figures map50: none -> 0.71",
        "xray.anomaly (colour)\n  part: anomaly-colour.onnx, SHA-256 ",
    ):
        assert line in text
