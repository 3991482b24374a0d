"""Fitting, calibrating and exporting the contents detector on a few tiny scans."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from parcelscope.models.bundle import InputKind
from parcelscope.models.contents_network import ContentsFeatures, ContentsNetwork
from parcelscope.training.calibrate import run_graph
from parcelscope.training.contents import (
    TrueContents,
    calibrate_contents,
    drawn_contents,
    fit_heads,
    scan_features,
    true_contents,
)
from parcelscope.training.contents_graph import support_metrics
from parcelscope.training.export import export_onnx
from parcelscope.training.scan_sets import parcel_scene

CLOTH = TrueContents(frozenset({"textile"}), frozenset({"textile"}))
METAL = TrueContents(frozenset({"metal parts"}), frozenset({"metal parts"}))
BOTH = TrueContents(frozenset({"metal parts"}), frozenset({"metal parts", "textile"}))


def scans(
    kind: InputKind, count: int, seed: int
) -> tuple[npt.NDArray[np.generic], list[TrueContents]]:
    """Soft grey patches for cloth, small dark ones for metal, on canvases of 64 x 48."""
    rng = np.random.default_rng(seed)
    contents = [CLOTH if index % 2 else METAL for index in range(count)]
    low = np.full((count, 48, 64), 60000.0)
    for picture, one in zip(low, contents, strict=True):
        y, x = rng.integers(4, 20, 2)
        if one is CLOTH:
            picture[y : y + 24, x : x + 32] *= rng.uniform(0.6, 0.8)
        else:
            picture[y : y + 10, x : x + 10] *= rng.uniform(0.05, 0.15)
    low *= rng.normal(1, 0.003, low.shape)
    if kind == "colour":
        grey = np.clip(low / 60000 * 255, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, None], 3, axis=1), contents
    high = 60000 * (low / 60000) ** 0.6
    return np.clip(np.stack([low, high], axis=1), 0, 65535).astype(np.uint16), contents


def fit_contents(
    pictures: npt.NDArray[np.generic], contents: list[TrueContents], *, kind: InputKind
) -> tuple[ContentsNetwork, tuple[str, ...]]:
    features = ContentsFeatures(kind)
    families = ("metal parts", "textile")
    fit, kept = fit_heads(scan_features(features, pictures), contents, families)
    return ContentsNetwork(features, fit).eval(), kept


@pytest.fixture(scope="module", params=["dual", "colour"])
def fitted(request: pytest.FixtureRequest) -> tuple[InputKind, ContentsNetwork, tuple[str, ...]]:
    torch.set_num_threads(1)
    kind: InputKind = request.param
    pictures, contents = scans(kind, 48, seed=1)
    network, families = fit_contents(pictures, contents, kind=kind)
    return kind, network, families


def test_a_family_with_too_few_parcels_has_no_head(
    fitted: tuple[InputKind, ContentsNetwork, tuple[str, ...]],
) -> None:
    assert fitted[2] == ("metal parts", "textile")


def test_the_exported_graph_supports_what_a_scan_shows(
    fitted: tuple[InputKind, ContentsNetwork, tuple[str, ...]], tmp_path: Path
) -> None:
    kind, network, families = fitted
    pictures, contents = scans(kind, 20, seed=2)
    path = tmp_path / "contents.onnx"
    parity = export_onnx(
        network,
        path,
        kind=kind,
        height_px=48,
        width_px=64,
        outputs=("support", "material"),
        samples=pictures,
    )
    assert max(parity.values()) < 2e-4
    support, material = run_graph(path, pictures, ("support", "material"))
    assert support_metrics(support, contents, families) == {
        "auroc_metal_parts": 1.0,
        "auroc_textile": 1.0,
    }
    assert material.sum(axis=1) == pytest.approx(1.0, abs=1e-3)
    genuine = calibrate_contents(support, contents, families)
    cloth = families.index("textile")
    p_values = [genuine["textile"].p_value(-float(value)) for value in support[:, cloth]]
    on_metal, on_cloth = p_values[0::2], p_values[1::2]
    assert max(on_metal) == pytest.approx(1 / 11)
    assert np.mean(on_cloth) > 0.4


def test_parcels_with_too_little_of_a_family_teach_nothing_of_it() -> None:
    pictures, contents = scans("dual", 48, seed=1)
    muddled = [BOTH if one is METAL else one for one in contents]
    network, families = fit_contents(pictures, muddled, kind="dual")
    assert families == ("metal parts",)
    assert network.get_buffer("weight").shape[1] == 1


def test_too_few_parcels_are_refused_in_one_sentence() -> None:
    pictures, contents = scans("dual", 6, seed=1)
    with pytest.raises(ValueError, match="needs 20 parcels that declare it"):
        fit_contents(pictures, contents, kind="dual")


def test_the_truth_of_a_set_is_drawn_again_from_its_seeds() -> None:
    scene = parcel_scene(np.random.default_rng([11, 0]), benign=True)
    (one,) = drawn_contents(11, 1)
    assert one == true_contents(scene)
    assert one.declared <= one.present


def test_the_statistics_tell_light_material_from_metal() -> None:
    depth = np.array([0.2, 0.6])
    light = np.exp(-np.stack([depth * 1.22, depth]))  # low and high energy behind water
    heavy = np.exp(-np.stack([depth * 2.4, depth]))  # and behind iron
    pictures = np.full((2, 2, 32, 32), 60000.0)
    for picture, through in zip(pictures, (light, heavy), strict=True):
        picture[:, 8:24, 8:24] *= through[:, 1][:, None, None]
    tensor = torch.from_numpy(pictures.astype(np.int32))
    with torch.no_grad():
        _, shares = ContentsFeatures("dual")(tensor)
    assert shares[0, 0] > 0.9
    assert shares[1, 2] > 0.75
