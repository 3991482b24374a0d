import numpy as np
import torch
from tests.training.heatmap_fit import fit_heatmap

from parcelscope.models.heatmap import decode_peaks
from parcelscope.models.heatmap_network import ExportedHeatmap, HeatmapNetwork
from parcelscope.training.fit import FitSettings, copy_fitting
from parcelscope.training.scan_sets import ScanSet


def blocks(count: int) -> ScanSet:
    """Scans of 64 x 96 with one to three dark blocks each."""
    rng = np.random.default_rng(0)
    dual = np.full((count, 2, 64, 96), 60000, np.uint16)
    boxes, labels = [], []
    for scan in dual:
        found = []
        for left in rng.permutation([4, 34, 64])[: rng.integers(1, 4)]:
            top, width, height = rng.integers(4, 30), rng.integers(14, 26), rng.integers(14, 28)
            scan[:, top : top + height, left : left + width] = 18000
            found.append([left, top, left + width, top + height])
        boxes.append(np.array(found, np.float32))
        labels.append(np.zeros(len(found), np.int64))
    colour = np.repeat((dual[:, :1] // 257).astype(np.uint8), 3, axis=1)
    return ScanSet(
        dual=dual, colour=colour, dual_box_xyxy=boxes, colour_box_xyxy=boxes, label=labels
    )


def test_a_few_hundred_scans_teach_it_to_find_and_count_blocks() -> None:
    torch.set_num_threads(1)
    scans = blocks(64)
    losses: list[float] = []
    settings = FitSettings(
        passes=1600, batch=8, learning_rate=4e-3, count_weight=0.5, average_over_steps=40
    )
    network = fit_heatmap(
        scans,
        classes=1,
        kind="dual",
        settings=settings,
        progress=lambda step, steps, loss: losses.append(loss),
    )
    assert len(losses) == 200
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        out = ExportedHeatmap(network, with_count=True)(
            torch.from_numpy(scans.dual[:16].astype(np.int32))
        )
    peaks, size, offset, count = (tensor.numpy() for tensor in out)
    true = np.array([len(label) for label in scans.label[:16]])
    assert np.abs(count - true).mean() < 0.7
    overlap = [
        share_covered(decode_peaks(p, s, o, width_px=96, floor=0.3).box_xyxy, box)
        for p, s, o, box in zip(peaks, size, offset, scans.dual_box_xyxy, strict=False)
    ]
    assert np.mean(overlap) > 0.7


def share_covered(found: np.ndarray, true: np.ndarray) -> float:
    """Share of the `true` boxes that some box of `found` overlaps by more than half."""
    hits = 0
    for box in true:
        corner, opposite = np.maximum(found[:, :2], box[:2]), np.minimum(found[:, 2:], box[2:])
        shared = np.clip(opposite - corner, 0, None).prod(1)
        both = (found[:, 2:] - found[:, :2]).prod(1) + (box[2:] - box[:2]).prod() - shared
        hits += bool((shared > 0.5 * both).any())
    return hits / len(true)


def test_another_kind_starts_from_all_layers_but_the_first() -> None:
    raw, colour = HeatmapNetwork(3, "dual"), HeatmapNetwork(3, "colour")
    assert copy_fitting(raw.state_dict(), colour) == len(raw.state_dict()) - 1
    assert torch.equal(raw.head[0][0].weight, colour.head[0][0].weight)


def test_windows_teach_it_to_find_blocks_in_whole_pictures() -> None:
    torch.set_num_threads(1)
    scans = blocks(64)
    settings = FitSettings(
        passes=1600, batch=8, learning_rate=4e-3, average_over_steps=40, window_px=32
    )
    network = fit_heatmap(scans, classes=1, kind="dual", settings=settings)
    with torch.no_grad():
        out = ExportedHeatmap(network, with_count=False)(
            torch.from_numpy(scans.dual[:16].astype(np.int32))
        )
    hits = 0
    for row in range(16):
        maps = [part[row].numpy() for part in out]
        best = decode_peaks(*maps, width_px=96).box_xyxy[0]
        hits += any(np.abs(best - box).max() < 6 for box in scans.dual_box_xyxy[row])
    assert hits >= 14


def test_the_last_passes_show_whole_pictures() -> None:
    settings = FitSettings(passes=100, window_px=64, whole_share=0.2)
    shown = [settings.window_at(done) for done in (0.0, 0.5, 0.79, 0.81, 0.99)]
    assert shown == [64, 64, 64, None, None]
    assert FitSettings(passes=100).window_at(0.0) is None
