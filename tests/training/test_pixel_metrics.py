import cv2
import numpy as np
import pytest
from sklearn.metrics import auc, roc_curve

from parcelscope.training.pixel_metrics import MOST_FALSE, pixel_figures


def pictures(count: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Noise with a few brighter squares, and their masks; every third picture is normal."""
    rng = np.random.default_rng(seed)
    heats, masks = [], []
    for n in range(count):
        heat, mask = rng.normal(0, 1, (40, 60)).astype(np.float32), np.zeros((40, 60), np.bool_)
        for side in (3, 9) if n % 3 else ():
            y, x = int(rng.integers(0, 40 - side)), int(rng.integers(0, 60 - side))
            mask[y : y + side, x : x + side] = True
        heats.append(heat + 1.5 * mask)
        masks.append(mask)
    return heats, masks


def overlap_by_scikit_learn(heats: list[np.ndarray], masks: list[np.ndarray]) -> float:
    """The same area as a weighted ROC curve: each region weighs the same, whatever its size."""
    weights = []
    for mask in masks:
        _, numbered = cv2.connectedComponents(mask.astype(np.uint8))
        weight = np.ones(mask.shape)
        for region in range(1, numbered.max() + 1):
            weight[numbered == region] = 1 / (numbered == region).sum()
        weights.append(weight)
    flat = [np.concatenate([one.ravel() for one in part]) for part in (masks, heats, weights)]
    wrong, found, _ = roc_curve(flat[0], flat[1], sample_weight=flat[2], drop_intermediate=False)
    end = np.interp(MOST_FALSE, wrong, found)
    below = wrong < MOST_FALSE
    return float(auc([*wrong[below], MOST_FALSE], [*found[below], end]) / MOST_FALSE)


def test_the_overlap_agrees_with_a_weighted_roc_curve() -> None:
    heats, masks = pictures(12, seed=0)
    found = pixel_figures(heats, masks, repeats=20)
    assert found.aupro.value == pytest.approx(overlap_by_scikit_learn(heats, masks), abs=0.002)
    assert found.aupro.low < found.aupro.value < found.aupro.high
    assert 0.8 < found.auroc < 0.9


def test_a_perfect_and_a_useless_map() -> None:
    heats, masks = pictures(9, seed=1)
    perfect = pixel_figures([m.astype(np.float32) for m in masks], masks, repeats=2)
    rng = np.random.default_rng(2)
    useless = pixel_figures(
        [rng.random(h.shape).astype(np.float32) for h in heats], masks, repeats=2
    )
    assert perfect.auroc == 1
    assert perfect.aupro.value == pytest.approx(1, abs=0.01)
    assert useless.aupro.value == pytest.approx(MOST_FALSE / 2, abs=0.03)


def test_without_any_mask_there_is_no_figure() -> None:
    heats, _ = pictures(2, seed=3)
    found = pixel_figures(heats, [np.zeros((40, 60), np.bool_)] * 2)
    assert np.isnan(found.auroc)
    assert np.isnan(found.aupro.value)
