"""Every check of a bundle, on a sound one and on each way to break it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.inference.sound_bundle import write_sound_bundle

from parcelscope.inference.verification import (
    Check,
    golden_canvases,
    verify_bundle,
    verify_file,
)
from parcelscope.models.bundle import CARD, Bundle, load_bundle

ITEMS = "items-dual.onnx"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sound_bundle(tmp_path / "bundle")
    return tmp_path / "bundle"


def verify(folder: Path, public_key: str | None = None) -> tuple[Check, ...]:
    return verify_bundle(folder, max_alarm_share=0.02, public_key=public_key)


def failures(folder: Path) -> list[Check]:
    return [check for check in verify(folder) if check.passed is False]


def change_model(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    """Change the items model and the digest in the card, as its maker would have."""
    model = onnx.load(folder / ITEMS)
    change(model)
    (folder / ITEMS).write_bytes(model.SerializeToString())
    renew_digest(folder)


def renew_digest(folder: Path) -> None:
    bundle = Bundle.model_validate_json((folder / CARD).read_bytes())
    digest = hashlib.sha256((folder / ITEMS).read_bytes()).hexdigest()
    cards = tuple(
        card.model_copy(update={"sha256": digest}) if card.file == ITEMS else card
        for card in bundle.detectors
    )
    changed = bundle.model_copy(update={"detectors": cards})
    (folder / CARD).write_text(changed.model_dump_json())


def after(model: onnx.ModelProto, name: str, op: str, *inputs: str, **attributes: object) -> None:
    """Put one more operator behind the output `name`."""
    for node in model.graph.node:
        node.output[:] = [f"{one}_before" if one == name else one for one in node.output]
    node = helper.make_node(op, [f"{name}_before", *inputs], [name], **attributes)
    model.graph.node.append(node)


def newer(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 21


def foreign(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def elsewhere(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


def logits(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.float32(7), "seven"))
    after(model, "peaks", "Mul", "seven")


def not_a_number(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0), "nothing"))
    after(model, "size", "Div", "nothing")  # 12 / 0


def across_the_batch(model: onnx.ModelProto) -> None:
    """Scores that depend on what else is in the batch, as a wrong normalisation makes them."""
    for node in model.graph.node:
        node.output[:] = ["raw" if one == "peaks" else one for one in node.output]
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "batch"))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "part"))
    model.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["raw", "batch"], ["mean"], keepdims=1),
            helper.make_node("Mul", ["mean", "part"], ["less"]),
            helper.make_node("Mul", ["raw", "part"], ["more"]),
            helper.make_node("Add", ["more", "less"], ["peaks"]),
        ]
    )


def renamed(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.output[:] = ["boxes" if one == "size" else one for one in node.output]
    for output in model.graph.output:
        output.name = "boxes" if output.name == "size" else output.name


def flat(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([0, -1], np.int64), "shape"))
    after(model, "peaks", "Reshape", "shape")
    for output in model.graph.output:
        if output.name == "peaks":
            del output.type.tensor_type.shape.dim[2:]


def test_a_sound_bundle_passes_every_check(folder: Path) -> None:
    checks = verify(folder)
    assert [check for check in checks if check.passed is False] == []
    assert {check.name for check in checks} == {
        "card", "signature", "detectors", "digest", "opset", "self-contained", "contract",
        "golden tensors", "calibration",
    }  # fmt: skip
    (signature,) = [check for check in checks if check.name == "signature"]
    assert signature.passed is None
    assert signature.said == "not signed: no public key is configured"


@pytest.mark.parametrize(
    ("change", "name", "says"),
    [
        pytest.param(newer, "opset", "expected opset 18 or lower, got 21", id="newer opset"),
        pytest.param(foreign, "opset", "got those of com.example", id="own operators"),
        pytest.param(elsewhere, "self-contained", "save the model without ext", id="weights out"),
        pytest.param(renamed, "contract", r"['size'] missing", id="renamed output"),
        pytest.param(not_a_number, "golden tensors", "'size' is not finite", id="not finite"),
        pytest.param(logits, "golden tensors", "put the sigmoid into the graph", id="logits"),
        pytest.param(flat, "golden tensors", "expected shape (5, 2, any, any)", id="flat"),
        pytest.param(across_the_batch, "golden tensors", "a scan alone and in a batch", id="batch"),
    ],
)
def test_a_model_that_breaks_its_contract_fails_one_check(
    folder: Path, change: Callable[[onnx.ModelProto], None], name: str, says: str
) -> None:
    change_model(folder, change)
    (failed,) = failures(folder)
    assert (failed.subject, failed.name) == ("xray.items (dual)", name)
    assert says in failed.said
    assert ITEMS in failed.said


def test_an_altered_file_fails_and_the_rest_is_checked_all_the_same(folder: Path) -> None:
    (folder / ITEMS).write_bytes(b"other")
    (failed,) = failures(folder)
    assert failed.name == "digest"
    golden = [check for check in verify(folder) if check.name == "golden tensors"]
    assert len(golden) == 5


def test_no_card_is_one_failed_check(tmp_path: Path) -> None:
    (check,) = verify(tmp_path)
    assert (check.name, check.passed) == ("card", False)


def test_a_detector_twice_fails(folder: Path) -> None:
    bundle, _ = load_bundle(folder)
    twice = bundle.model_copy(update={"detectors": (*bundle.detectors, bundle.detectors[0])})
    (folder / CARD).write_text(twice.model_dump_json())
    (failed,) = failures(folder)
    assert failed.said == "xray.items (dual) twice"


def test_a_missing_signature_fails_where_a_key_is_given(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="signatures need the sign extra")
    from parcelscope.models.signature import generate_keys, sign_bundle

    keys = generate_keys(tmp_path / "key")
    (before,) = [c for c in verify(folder, str(keys.public_path)) if c.name == "signature"]
    sign_bundle(folder, keys.private_path)
    (signed,) = [c for c in verify(folder, str(keys.public_path)) if c.name == "signature"]
    assert (before.passed, signed.passed) == (False, True)


def test_golden_canvases_are_the_same_everywhere(folder: Path) -> None:
    bundle, _ = load_bundle(folder)
    dual, colour = bundle.card("xray.items", "dual"), bundle.card("xray.items", "colour")
    assert dual is not None
    assert colour is not None
    canvases = golden_canvases(dual)
    assert (canvases.shape, canvases.dtype) == ((5, 2, 48, 64), np.uint16)
    assert (canvases[0] == 60000).all()
    assert (canvases[1] == 0).all()
    assert hashlib.sha256(canvases.tobytes()).hexdigest()[:16] == "a8286ae7a2abaeb3"
    assert golden_canvases(colour).dtype == np.uint8


def test_files_that_are_no_detectors_are_checked_too(folder: Path) -> None:
    (folder / "reference.npz").write_bytes(b"arrays")
    digest = hashlib.sha256(b"arrays").hexdigest()
    (same,) = verify_file(folder, "reference.npz", digest)
    (other,) = verify_file(folder, "reference.npz", "0" * 64)
    assert (same.name, same.passed, other.passed) == ("digest", True, False)
    graph = verify_file(folder, ITEMS, hashlib.sha256((folder / ITEMS).read_bytes()).hexdigest())
    assert [check.name for check in graph] == ["digest", "opset", "self-contained", "contract"]
    assert all(check.passed for check in graph)
    (gone,) = verify_file(folder, "gone.onnx", digest)
    assert "named in bundle.json, but missing" in gone.said
