"""The self-test of a provider: the same pictures on it and on the CPU, and how far they differ."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from parcelscope.inference.providers import (
    Backend,
    Precision,
    ProviderCard,
    ProviderChoice,
    ProviderError,
    find_backend,
)
from parcelscope.models.heatmap import FLOOR

Opened = TypeVar("Opened")

TOLERANCE: Final[dict[Precision, float]] = {"fp32": 1e-3, "bf16": 5e-2, "fp16": 5e-2}
"""Largest accepted difference, as a share of an output's range. Between single precision on two
libraries lie 1e-6 to 1e-4; bfloat16 where single precision was asked for gives 1e-2 and more."""
GOLDEN_BATCH: Final = 3
"""Pictures of one test: no batch size of a GPU, so that padding is tested too."""


def golden_batch(channels: int, height_px: int, width_px: int) -> npt.NDArray[Any]:
    """Made pictures, always the same: overlapping absorbers of all sizes, with noise.

    Nothing in them is flat: among cells that tie, the last bit decides which one is a peak.

    Args:
        channels: 2 for low and high energy, uint16, air at 60000; 3 for RGB, uint8.
        height_px: Height of a picture.
        width_px: Width of a picture.

    Returns:
        (GOLDEN_BATCH, channels, height_px, width_px).
    """
    rng = np.random.default_rng(20260)
    rows, columns = np.mgrid[0 : 1 : height_px * 1j, 0 : 1 : width_px * 1j]
    depth = np.zeros((GOLDEN_BATCH, channels, height_px, width_px))
    for picture in depth:
        for _ in range(12):
            row, column = rng.uniform(0.1, 0.9, 2)
            tall, wide = rng.uniform(0.02, 0.3, 2)
            inside = np.abs((rows - row) / tall) ** 4 + np.abs((columns - column) / wide) ** 4 < 1
            # Each channel absorbs differently, as materials do at two energies, and inks in colour.
            picture += inside * rng.uniform(0.1, 0.9, (channels, 1, 1))
    seen = np.exp(-depth) + rng.normal(0, 0.01, depth.shape)
    if channels == 2:
        return np.clip(seen * 60000, 0, 65535).astype(np.uint16)
    return np.clip(seen * 235, 0, 255).astype(np.uint8)


def difference(
    name: str, found: npt.NDArray[np.floating[Any]], expected: npt.NDArray[np.floating[Any]]
) -> float:
    """Largest difference of output `name` from the CPU's, as a share of its range; inf if unusable.

    Where two neighbouring cells tie, the last bit decides which of them is a peak, or whether both
    are. A peak is therefore compared with the highest one at most a cell away; and one too low to
    be reported may come and go, as in an even background many tie.
    """
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    span = max(1.0, float(np.abs(expected).max(initial=0)))
    if name == "peaks":
        off = max(_unmatched(found, expected), _unmatched(expected, found))
    else:
        off = float(np.abs(found - expected).max(initial=0))
    return off / span


def largest_difference(
    names: tuple[str, ...],
    found: list[npt.NDArray[np.floating[Any]]],
    expected: list[npt.NDArray[np.floating[Any]]],
) -> float:
    """The largest `difference` of all outputs of one model."""
    return max(
        difference(name, one, other)
        for name, one, other in zip(names, found, expected, strict=True)
    )


def first_accepted(
    choice: ProviderChoice, load: Callable[[Backend], tuple[Opened, dict[str, float]]]
) -> tuple[Opened, ProviderCard]:
    """What `load` gives on the first provider of `choice` that is there and passes, with its card.

    Args:
        choice: What was asked for.
        load: Opens the models on a provider; also gives each one's largest difference, by file.

    Raises:
        ProviderError: If the provider that was asked for by name is not there or does not pass.
            It is never replaced by another.
    """
    refused: list[str] = []
    candidates = choice.candidates()
    for name in candidates:
        try:
            backend = find_backend(name, choice)
            opened, by_model = load(backend)
            return opened, accept(backend, by_model, tuple(refused))
        except ProviderError as error:
            refused.append(str(error))
            if name == candidates[-1]:
                raise
    raise ProviderError(f"provider {choice.asked}: nothing to try")  # an order without entries


def accept(
    backend: Backend, by_model: Mapping[str, float], refused: tuple[str, ...] = ()
) -> ProviderCard:
    """What is written down of `backend`, after its answers were compared with the CPU's.

    Args:
        backend: The provider.
        by_model: Largest difference by model file; empty for the CPU that others are compared with.
        refused: Why each provider that comes before it was not taken.

    Raises:
        ProviderError: If a model's answers differ by more than the precision that was asked for.
    """
    tolerance = TOLERANCE[backend.precision]
    worst = max(by_model, key=lambda file: by_model[file], default=None)
    if worst is not None and not by_model[worst] <= tolerance:
        raise ProviderError(
            f"provider {backend.name}: failed its self-test at {backend.precision}: {worst} must"
            f" answer like the CPU within {tolerance:g} of its range, got {by_model[worst]:.2g}"
        )
    most = None if worst is None else by_model[worst]
    # A processor without bfloat16 takes the wish and computes in single precision.
    is_full = most is None or most <= TOLERANCE["fp32"]
    return ProviderCard(
        name=backend.name,
        runtime=backend.runtime,
        version=backend.version,
        precision="fp32" if is_full else backend.precision,
        asked_precision=backend.precision,
        difference=most,
        tolerance=None if most is None else tolerance,
        by_model=dict(by_model),
        refused=refused,
    )


def _unmatched(
    peaks: npt.NDArray[np.floating[Any]], others: npt.NDArray[np.floating[Any]]
) -> float:
    """How far a peak of `peaks` (N, C, h, w) is at most from the highest of `others` beside it."""
    rows, columns = others.shape[2:]
    wide = np.pad(others, ((0, 0), (0, 0), (1, 1), (1, 1)))
    beside = np.maximum.reduce(
        [
            wide[:, :, row : row + rows, left : left + columns]
            for row in range(3)
            for left in range(3)
        ]
    )
    return float(np.abs(peaks - beside)[peaks >= FLOOR].max(initial=0))
