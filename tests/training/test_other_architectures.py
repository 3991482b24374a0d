"""Detectors of other makers: trained, exported, decoded and screened with like our own."""

import ast
import os
import warnings
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import write_mixed_feed
from tests.training.tiny_annotated import write_blocks

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.detectors import Detector, detect_items, output_names
from parcelscope.inference.sessions import open_session
from parcelscope.inference.verification import verify_detector
from parcelscope.models.bundle import DetectorCard
from parcelscope.models.bundle_writing import read_part
from parcelscope.models.heatmap import Boxes
from parcelscope.models.ssd import decode_ssd
from parcelscope.models.yolo import decode_yolo
from parcelscope.pipelines.assemble import assemble
from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.train import train
from parcelscope.training.box_architectures import BoxBatch
from parcelscope.training.part import Job, TrainedPart
from parcelscope.training.part_data import load_data
from parcelscope.training.recipe_files import read_recipe
from parcelscope.training.tracking import NoTracker

ROOT = Path(__file__).parents[2]
WIDTH_PX, HEIGHT_PX = 96, 64
"""126 places on the grids of a YOLO: fewer than the 300 that its own exporter takes the best of."""
SMALL = [
    f"canvas.width_px={WIDTH_PX}", f"canvas.height_px={HEIGHT_PX}", "canvas.mm_per_px=null",
    "fit.batch=2", "fit.passes=8", "fit.stacked=0.5",
]  # fmt: skip
CASES = {
    "ssdlite": ("torchvision", ["input=dual"]),
    "yolo26n": ("ultralytics", ["input=colour", "yolo.model=yolo26n"]),
    "yolo11n": ("ultralytics", ["input=dual", "yolo.model=yolo11n"]),
}
PartOf = Callable[[str], TrainedPart]


def quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody reads."""


def needs(case: str) -> None:
    """Skip where the package of `case` is not installed; it is looked for, not imported."""
    package = CASES[case][0]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def recipe_of(case: str) -> str:
    return "xray_items_ssdlite" if case == "ssdlite" else "xray_items_yolo"


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotated folders of both kinds of scan, one of whose scans shows nothing."""
    root = tmp_path_factory.mktemp("sets")
    for kind in ("dual", "colour"):
        write_blocks(
            root / kind, kind=kind, train=5, empty_train=1, val=4, empty=1, classes=("knife", "gun")
        )
    return root


def words_of(case: str, sets: Path) -> list[str]:
    words = [*SMALL, *CASES[case][1]]
    return [*words, f"data.folder={sets / ('dual' if 'input=dual' in words else 'colour')}"]


@pytest.fixture(scope="module")
def part_of(sets: Path, tmp_path_factory: pytest.TempPathFactory) -> PartOf:
    """Each part, trained when it is first asked for."""

    @cache
    def part(case: str) -> TrainedPart:
        needs(case)
        out = tmp_path_factory.mktemp("parts") / case
        words = words_of(case, sets)
        return train(recipe_of(case), words, out=out, resume=False, runs=None, report=quiet)

    return part


def detector_of(part: TrainedPart) -> Detector:
    card = read_part(part.folder)
    return Detector(card=card, session=open_session(part.folder / card.file))


def scans(card: DetectorCard, count: int) -> np.ndarray:
    """Canvases of noise, each another."""
    rng = np.random.default_rng(3)
    shape = (count, 2 if card.input == "dual" else 3, card.height_px, card.width_px)
    if card.input == "dual":
        return rng.integers(0, 60001, shape).astype(np.uint16)
    return rng.integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("case", CASES)
def test_a_part_keeps_the_contract_of_its_decoder(part_of: PartOf, case: str) -> None:
    part = part_of(case)
    card = read_part(part.folder)
    assert card.decoder == ("ssd" if case == "ssdlite" else "yolo")
    assert card.most_overlap == {"ssdlite": 0.55, "yolo26n": None, "yolo11n": 0.7}[case]
    assert card.licence == (None if case == "ssdlite" else "AGPL-3.0")
    assert card.classes == ("knife", "gun")
    assert set(card.thresholds) == {"knife", "gun"}
    parity = {"parity_batch_1", "parity_batch_2", "parity_batch_5", "parity_order"}
    assert {"val_map50", *parity} <= set(card.metrics)
    checks = verify_detector(part.folder, card, max_alarm_share=0.004)
    assert [c.said for c in checks if not c.passed and c.name != "calibration"] == []
    assert "golden tensors" in [check.name for check in checks]


@pytest.mark.parametrize("case", CASES)
def test_no_scan_of_a_batch_is_lost(part_of: PartOf, case: str) -> None:
    detector = detector_of(part_of(case))
    batch = scans(detector.card, 7)
    names = list(output_names(detector.card))
    together = detector.session.run(names, {"scan": batch})
    for index in range(7):
        alone = detector.session.run(names, {"scan": batch[index : index + 1]})
        for name, whole, one in zip(names, together, alone, strict=True):
            assert np.ptp(one) > 0, name
            np.testing.assert_allclose(whole[index], one[0], rtol=1e-3, atol=1e-4, err_msg=name)
    assert len(detect_items(detector, batch)) == 7


@pytest.mark.parametrize("case", ["ssdlite", "yolo26n"])
def test_a_feed_is_screened_with_it(part_of: PartOf, tmp_path: Path, case: str) -> None:
    write_tiny_bundle(tmp_path / "base")
    made = assemble(
        tmp_path / "bundle", tmp_path / "base", [part_of(case).folder], name=None, version=None
    )
    assert len(made.replaced) == 1
    write_mixed_feed(tmp_path / "feed", parcels=8, cartons=1)
    summary = screen(
        tmp_path / "feed", tmp_path / "run", bundle_folder=tmp_path / "bundle", workers=1
    )
    parcels = summary.counts.parcels
    assert (parcels.rows, parcels.assessed) == (8, 8)


def test_anchors_and_boxes_are_those_of_torchvision() -> None:
    needs("ssdlite")
    from torchvision.models.detection.image_list import ImageList

    from parcelscope.models.ssd_network import SsdLite

    network = SsdLite(2, "dual").eval()
    ssd = network.detector
    ssd.score_thresh = 0.05
    scan = torch.zeros((1, 2, HEIGHT_PX, WIDTH_PX), dtype=torch.int32)
    with torch.no_grad():
        levels = list(ssd.backbone(network.input(scan)).values())
    image = ImageList(torch.zeros(1, 3, HEIGHT_PX, WIDTH_PX), [(HEIGHT_PX, WIDTH_PX)])
    (anchor,) = ssd.anchor_generator(image, levels)
    chance = torch.Generator().manual_seed(1)
    logits = torch.randn(1, len(anchor), 3, generator=chance) * 3
    regression = torch.randn(1, len(anchor), 4, generator=chance) * 2
    (theirs,) = ssd.postprocess_detections(
        {"cls_logits": logits, "bbox_regression": regression}, [anchor], [(HEIGHT_PX, WIDTH_PX)]
    )
    ours = decode_ssd(
        logits[0].numpy(), regression[0].numpy(),
        width_px=WIDTH_PX, height_px=HEIGHT_PX, limit=300,
    )  # fmt: skip
    assert 20 < len(ours.score) < 2 * len(anchor)
    assert_same(ours, theirs["boxes"], theirs["scores"], theirs["labels"] - 1)


def assert_same(ours: Boxes, box_xyxy: Any, score: Any, label: Any) -> None:
    """`ours` are the boxes of another decoder, best first, cut to the canvas."""
    edge = [WIDTH_PX, HEIGHT_PX] * 2
    np.testing.assert_allclose(ours.score, score.numpy(), rtol=1e-5)
    np.testing.assert_array_equal(ours.label, label.numpy().astype(int))
    expected = np.clip(box_xyxy.numpy(), 0, edge)
    np.testing.assert_allclose(ours.box_xyxy, expected, atol=1e-3)


def some_boxes(*, places: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes (A, 4) of which many overlap, some beyond the canvas, and scores (A, 2)."""
    chance = torch.Generator().manual_seed(2)
    centre = torch.rand(places, 2, generator=chance) * torch.tensor([WIDTH_PX, HEIGHT_PX])
    half = 4 + 12 * torch.rand(places, 2, generator=chance)
    return torch.cat([centre - half, centre + half], 1), torch.rand(places, 2, generator=chance)


def decoded(box_xyxy: torch.Tensor, score: torch.Tensor, most_overlap: float | None) -> Boxes:
    return decode_yolo(
        box_xyxy.numpy(), score.numpy(), width_px=WIDTH_PX, height_px=HEIGHT_PX,
        most_overlap=most_overlap, limit=300, candidates=10_000,
    )  # fmt: skip


def test_suppression_is_that_of_ultralytics() -> None:
    needs("yolo11n")
    import_module("parcelscope.training.yolo_adapter")
    suppress = import_module("ultralytics.utils.nms").non_max_suppression
    box_xyxy, score = some_boxes()
    half = (box_xyxy[:, 2:] - box_xyxy[:, :2]) / 2
    whole = torch.cat([box_xyxy[:, :2] + half, 2 * half, score], 1)  # (A, 6): centre, size, scores
    (theirs,) = suppress(
        whole.T[None], conf_thres=0.05, iou_thres=0.7, multi_label=True, max_det=300, nc=2
    )
    assert len(theirs) < 700
    assert_same(decoded(box_xyxy, score, 0.7), theirs[:, :4], theirs[:, 4], theirs[:, 5])


def test_a_head_that_is_end_to_end_is_read_as_ultralytics_does() -> None:
    needs("yolo26n")
    adapter = import_module("parcelscope.training.yolo_adapter")
    head = adapter.YoloNetwork(2, "dual", model="yolo26n").head
    box_xyxy, score = some_boxes()
    (theirs,) = head.postprocess(torch.cat([box_xyxy, score], 1)[None])
    assert theirs.shape == (300, 6)
    assert_same(decoded(box_xyxy, score, None), theirs[:, :4], theirs[:, 4], theirs[:, 5])


@pytest.mark.parametrize(
    ("model", "end_to_end"),
    [
        pytest.param("yolo26n", True, id="end to end"),
        pytest.param("yolo26n", False, id="needs suppression"),
        pytest.param("yolo11n", False, id="has but one"),
    ],
)
def test_the_head_that_is_asked_for_is_exported(model: str, end_to_end: bool) -> None:
    needs(model)
    adapter = import_module("parcelscope.training.yolo_adapter")
    torch.manual_seed(0)
    network = adapter.YoloNetwork(2, "colour", model=model).eval()
    for parameter in network.head.parameters():  # else all scores are alike, and both heads too
        torch.nn.init.normal_(parameter, std=0.3)
    network.head.end2end = end_to_end
    exported = adapter.ExportedYolo(
        network, width_px=WIDTH_PX, height_px=HEIGHT_PX, end_to_end=end_to_end
    )
    scan = torch.randint(0, 256, (1, 3, HEIGHT_PX, WIDTH_PX), dtype=torch.uint8)
    with torch.no_grad():
        boxes, scores = exported(scan)
        theirs = network.detector(network.picture(scan))[0]
    if end_to_end:  # (1, 126, 6): all places, since they are fewer than 300
        best = scores[0].flatten().sort(descending=True).values[: theirs.shape[1]]
        torch.testing.assert_close(best, theirs[0, :, 4])
    else:  # (1, 4 + 2, 126): centre, size and scores
        torch.testing.assert_close(scores[0].T, theirs[0, 4:])
        torch.testing.assert_close((boxes[0, :, 2:] - boxes[0, :, :2]).T, theirs[0, 2:4])
        torch.testing.assert_close((boxes[0, :, 2:] + boxes[0, :, :2]).T / 2, theirs[0, :2])


@pytest.mark.parametrize("case", ["yolo26n", "ssdlite"])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    sets: Path, tmp_path: Path, case: str
) -> None:
    needs(case)
    through = learned(case, sets, tmp_path / "through", report=quiet)
    with pytest.raises(KeyboardInterrupt):
        learned(case, sets, tmp_path / "cut", report=partial(interrupt, after=2))
    resumed = learned(case, sets, tmp_path / "cut", report=quiet)
    ours, theirs = resumed.network.state_dict(), through.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert resumed.history == through.history


def interrupt(stage: str, done: int, total: int, *, after: int) -> None:
    if stage.startswith("fit") and done == after:
        raise KeyboardInterrupt


def learned(case: str, sets: Path, out: Path, *, report: Callable[[str, int, int], None]) -> Any:
    """What the architecture of `case` gives, before it is a file."""
    from parcelscope.training.architectures import DetectorTask, find_architecture

    recipe: Any
    recipe, _ = read_recipe(recipe_of(case), [*words_of(case, sets), "fit.checkpoint_every_s=0"])
    job = Job(recipe_name="x", out=out, fingerprint="x", report=report, tracker=NoTracker())
    data = load_data(
        recipe.data, "items", kind=recipe.input, spec=recipe.canvas.spec(), seed=recipe.seed,
        work=job.work, report=quiet,
    )  # fmt: skip
    task = DetectorTask(
        recipe=recipe, data=data, job=job, fingerprint="x", judge=lambda outputs: {}
    )
    torch.set_num_threads(1)
    return find_architecture(recipe.architecture).fit(task)


def test_imagenet_weights_of_a_local_file_are_taken_over(tmp_path: Path) -> None:
    needs("ssdlite")
    from torchvision.models import mobilenet_v3_large

    from parcelscope.models.ssd_network import SsdLite
    from parcelscope.training.ssd_architecture import load_backbone

    theirs = mobilenet_v3_large(weights=None)
    torch.save(theirs.state_dict(), tmp_path / "mobilenet.pt")
    network = SsdLite(2, "dual")
    copied = load_backbone(tmp_path / "mobilenet.pt", network)
    assert copied > 200
    first = network.detector.backbone.features[0][0][0].weight
    torch.testing.assert_close(first, theirs.features[0][0].weight)
    torch.save({"another": torch.zeros(1)}, tmp_path / "another.pt")
    with pytest.raises(ConfigError, match=r"of which not one layer was found"):
        load_backbone(tmp_path / "another.pt", network)
    (tmp_path / "broken.pt").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match=r"ssdlite\.backbone: .*broken\.pt: expected weights of"):
        load_backbone(tmp_path / "broken.pt", network)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ["yolo.model=yolo11n", "yolo.end_to_end=true"],
            r"yolo\.end_to_end must be false or null for yolo11n", id="head",
        ),
        pytest.param(
            ["detector=xray.pieces", "fit.count_weight=1"],
            r"one that counts for xray\.pieces, heatmap or heatmap_lite0; got 'yolo'", id="count",
        ),
        pytest.param(["yolo.model=yolo99n"], r"yolo\.model: .* got 'yolo99n'", id="model"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_refused_at_once(words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_recipe("xray_items_yolo", words)


def test_anchors_are_not_taught_on_windows() -> None:
    with pytest.raises(ConfigError, match=r"fit\.window_px must be null for ssdlite.* got 64"):
        read_recipe("xray_items_ssdlite", ["fit.window_px=64"])


def test_boxes_are_shares_of_the_window_that_is_shown() -> None:
    needs("yolo11n")
    adapter = import_module("parcelscope.training.yolo_adapter")
    window = BoxBatch(
        pixels=torch.zeros(1, 3, 64, 128),
        box_xyxy=[torch.tensor([[16.0, 8.0, 48.0, 40.0]])],
        label=[torch.tensor([1])],
    )
    torch.testing.assert_close(
        adapter.targets(window)["bboxes"], torch.tensor([[0.25, 0.375, 0.25, 0.5]])
    )


def test_ultralytics_is_imported_in_its_adapter_alone() -> None:
    found = set()
    for path in ROOT.glob("*/**/*.py"):
        folder = path.relative_to(ROOT).parts[0]
        if folder in ("tests", "build") or folder.startswith("."):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] == "ultralytics" for name in names):
                found.add(path.relative_to(ROOT).as_posix())
    assert found == {"training/yolo_adapter.py"}


def test_ultralytics_keeps_to_itself() -> None:
    needs("yolo26n")
    adapter = import_module("parcelscope.training.yolo_adapter")
    utils = import_module("ultralytics.utils")
    assert not Path(utils.SETTINGS.file).exists()
    assert not Path(utils.SETTINGS.file).is_relative_to(Path.home())
    switches = {name: on for name, on in utils.SETTINGS.items() if isinstance(on, bool)}
    assert {"sync", "mlflow", "comet", "clearml"} <= set(switches)
    assert not any(switches.values())
    assert not utils.AUTOINSTALL
    assert not utils.ONLINE
    before = dict(os.environ), cv2.getNumThreads(), torch.save, list(warnings.filters)
    with adapter.contained():
        os.environ["OMP_NUM_THREADS"] = "7"
        os.environ["PARCELSCOPE_NEW"] = "x"
        cv2.setNumThreads(3)
        warnings.simplefilter("ignore")
        torch.save = None
    after = dict(os.environ), cv2.getNumThreads(), torch.save, list(warnings.filters)
    assert after == before
