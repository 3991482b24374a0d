"""A bundle of tiny models that keep the contract: what is darkest is found, nothing is learned."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from parcelscope.models.bundle import (
    Bundle,
    CountCalibration,
    DetectorCard,
    DetectorName,
    FusionModel,
    GenuineScores,
    InputKind,
)

WIDTH_PX, HEIGHT_PX, MM_PER_PX = 64, 48, 4.0
ITEM_CLASSES = ("handgun", "utility_knife")
FAMILIES = ("metal parts", "textile")
STRIDE_PX = 4
BOX_PX = 12.0


def write_tiny_bundle(
    folder: Path,
    *,
    kinds: Sequence[InputKind] = ("dual", "colour"),
    detectors: Sequence[DetectorName] = ("xray.items", "xray.pieces", "xray.anomaly"),
    nan_above: float | None = None,
) -> Bundle:
    """Write the models and `bundle.json` into `folder`.

    Args:
        folder: Made if need be.
        kinds: Kinds of scan that get models.
        detectors: Detectors that get models.
        nan_above: Canvases whose mean absorption is higher make the items model give NaN.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cards = [_write(folder, detector, kind, nan_above) for detector in detectors for kind in kinds]
    fusion = FusionModel(
        intercept=-3.0, weights={"item.*": 1.0}, knots_logit=(-6.0, 6.0), knots_risk=(0.0, 1.0)
    )
    bundle = Bundle(
        name="tiny",
        version="1",
        licence="Apache-2.0",
        created="2026-01-01T00:00:00Z",
        training_data="none",
        detectors=tuple(cards),
        parcel_fusion=fusion,
        carton_fusion=fusion,
    )
    (folder / "bundle.json").write_text(json.dumps(bundle.model_dump(mode="json")))
    return bundle


def _write(
    folder: Path, detector: DetectorName, kind: InputKind, nan_above: float | None
) -> DetectorCard:
    if detector == "xray.anomaly":
        model = _anomaly_model(kind)
    elif detector == "xray.contents":
        model = _contents_model(kind)
    else:
        model = _peaks_model(kind, detector, nan_above if detector == "xray.items" else None)
    path = folder / f"{detector.removeprefix('xray.')}-{kind}.onnx"
    onnx.save(model, path)
    tail = GenuineScores(count=99, top=(0.5, 0.3, 0.1))
    items, contents = detector == "xray.items", detector == "xray.contents"
    genuine = ITEM_CLASSES if items else FAMILIES if contents else ("scan",)
    return DetectorCard(
        detector=detector,
        input=kind,
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        mm_per_px=MM_PER_PX,
        classes={
            "xray.items": ITEM_CLASSES,
            "xray.pieces": ("inner_parcel",),
            "xray.contents": FAMILIES,
        }.get(detector, ()),
        thresholds=dict.fromkeys(ITEM_CLASSES, 0.5) if items else {"inner_parcel": 0.3},
        genuine=dict.fromkeys(genuine, tail),
        count=CountCalibration(
            raw=(0.0, 100.0), middle=(0.0, 100.0), low=(0.0, 90.0), high=(1.0, 110.0), coverage=0.9
        )
        if detector == "xray.pieces"
        else None,
    )


def _constant(name: str, values: object, dtype: type) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def _absorption_nodes(kind: InputKind) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """`scan` -> `cells` (N, 1, h, w): 0 for air or white, up to 1 for black, mean of each cell."""
    air = 60000.0 if kind == "dual" else 255.0
    nodes = [
        helper.make_node("Cast", ["scan"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["values", "channel"], ["grey"], keepdims=1),
        helper.make_node("Div", ["grey", "air"], ["through"]),
        helper.make_node("Sub", ["one", "through"], ["dark"]),
        helper.make_node("Relu", ["dark"], ["absorbed"]),
        helper.make_node(
            "AveragePool",
            ["absorbed"],
            ["cells"],
            kernel_shape=[STRIDE_PX, STRIDE_PX],
            strides=[STRIDE_PX, STRIDE_PX],
        ),
    ]
    constants = [
        _constant("channel", [1], np.int64),
        _constant("air", air, np.float32),
        _constant("one", 1.0, np.float32),
    ]
    return nodes, constants


def _peaks_model(
    kind: InputKind, detector: DetectorName, nan_above: float | None
) -> onnx.ModelProto:
    nodes, constants = _absorption_nodes(kind)
    classes = len(ITEM_CLASSES) if detector == "xray.items" else 1
    nodes += [
        helper.make_node(
            "MaxPool", ["cells"], ["highest"], kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4
        ),
        helper.make_node("Equal", ["cells", "highest"], ["is_peak"]),
        helper.make_node("Where", ["is_peak", "cells", "zero"], ["peak"]),
        helper.make_node("Mul", ["peak", "shares"], ["shared"]),
        helper.make_node("Mul", ["cells", "zeros"], ["empty"]),
        helper.make_node("Add", ["empty", "box"], ["size"]),
        helper.make_node("Add", ["empty", "half"], ["offset"]),
    ]
    constants += [
        _constant("zero", 0.0, np.float32),
        # Each class sees half of what the one before it sees.
        _constant("shares", (0.5 ** np.arange(classes)).reshape(1, classes, 1, 1), np.float32),
        _constant("zeros", np.zeros((1, 2, 1, 1)), np.float32),
        _constant("box", BOX_PX, np.float32),
        _constant("half", 0.5, np.float32),
    ]
    if nan_above is None:
        nodes.append(helper.make_node("Identity", ["shared"], ["peaks"]))
    else:
        nodes += [
            helper.make_node("ReduceMean", ["absorbed", "axes"], ["mean"], keepdims=1),
            helper.make_node("Greater", ["mean", "limit"], ["too_dark"]),
            helper.make_node("Where", ["too_dark", "nan", "shared"], ["peaks"]),
        ]
        constants += [
            _constant("axes", [1, 2, 3], np.int64),
            _constant("limit", nan_above, np.float32),
            _constant("nan", np.nan, np.float32),
        ]
    outputs = {"peaks": ["n", classes, None, None], "size": ["n", 2, None, None]}
    outputs["offset"] = ["n", 2, None, None]
    if detector == "xray.pieces":
        nodes += [
            helper.make_node("Greater", ["peak", "low_score"], ["is_piece"]),
            helper.make_node("Cast", ["is_piece"], ["ones"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["ones", "axes_all"], ["count"], keepdims=0),
        ]
        constants += [
            _constant("low_score", 0.3, np.float32),
            _constant("axes_all", [1, 2, 3], np.int64),
        ]
        outputs["count"] = ["n"]
    return _model(kind, nodes, constants, outputs)


def _anomaly_model(kind: InputKind) -> onnx.ModelProto:
    nodes, constants = _absorption_nodes(kind)
    nodes += [
        helper.make_node("Identity", ["cells"], ["map"]),
        helper.make_node("ReduceMax", ["cells", "axes"], ["score"], keepdims=0),
    ]
    constants.append(_constant("axes", [1, 2, 3], np.int64))
    return _model(kind, nodes, constants, {"score": ["n"], "map": ["n", 1, None, None]})


def _contents_model(kind: InputKind) -> onnx.ModelProto:
    """Support for metal rises with how dark a scan is, and that for cloth falls."""
    nodes, constants = _absorption_nodes(kind)
    nodes += [
        helper.make_node("ReduceMean", ["cells", "axes"], ["dark_share"], keepdims=0),
        helper.make_node("Unsqueeze", ["dark_share", "last"], ["column"]),
        helper.make_node("Mul", ["column", "signs"], ["support"]),
        helper.make_node("Mul", ["column", "quarters"], ["material"]),
    ]
    constants += [
        _constant("axes", [1, 2, 3], np.int64),
        _constant("last", [1], np.int64),
        _constant("signs", [[20.0, -20.0]], np.float32),
        _constant("quarters", [[0.25] * 4], np.float32),
    ]
    return _model(kind, nodes, constants, {"support": ["n", 2], "material": ["n", 4]})


def _model(
    kind: InputKind,
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    outputs: dict[str, list[object]],
) -> onnx.ModelProto:
    element, channels = (TensorProto.UINT16, 2) if kind == "dual" else (TensorProto.UINT8, 3)
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("scan", element, ["n", channels, HEIGHT_PX, WIDTH_PX])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model
