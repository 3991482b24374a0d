"""The constants of one genuine reference: what its photos look like, place by place.

One `.npz` file per SKU, read with numpy alone. Everything in it is on the grid of `picture`.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import BundleError

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

REFERENCE_VERSION: Final = 2
HALF: Final = ("residual_mean", "residual_std", "hue_mean", "hue_std",
               "fine_mean", "fine_std", "coarse_mean", "coarse_std")  # fmt: skip
"""Arrays that are stored as float16: maps whose third digit nobody needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Where the places and colours of genuine copies lie: the position-aware Gaussian."""

    residual_mean: Floats
    residual_std: Floats
    """(4, H / 2, W / 2) by window: grey levels off the picture."""
    hue_mean: Floats
    hue_std: Floats
    """(2, H / 2, W / 2) red less green, green less blue, off the picture."""
    moved_mean: Floats
    moved_std: Floats
    """(P, 2) pixels."""
    region_mean: Floats
    """(R, 3) red less green, green less blue, luma."""
    region_root: Floats
    """(R, 3, 3) with R R^T the inverse covariance; 0 for what says nothing of a copy."""
    fine_mean: Floats
    fine_std: Floats
    """(40, h, w) features of block 4."""
    coarse_mean: Floats
    coarse_std: Floats
    """(112, h / 2, w / 2) features of block 10."""
    sharpness_fit: Floats
    """(2, 3) how the steepness of the print's edges, and its softness, follow the steepness of
    other edges in the photo: slope, offset, standard deviation about the line; NaN if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One genuine design as scoring needs it."""

    picture: Image
    """(H, W, 3) RGB, the mean of the registered genuine photos."""
    shown: Image
    """(H, W, 3) RGB, one genuine photo on the same grid: what an analyst is shown."""
    inside: npt.NDArray[np.bool_]
    """(H, W) where the print is."""
    regions: Image
    """(H, W) 0 for none, else the number of a region of even colour."""
    paper: int
    """Number of the region of neutral board or paper; 0 where there is none."""
    points: Floats
    """(P, 2) tracked places."""
    bars_xy: Floats
    """(4, 2) strip of the retail code that genuine copies carry, or (0, 2)."""
    keypoint_xy: Floats
    """(K, 2)"""
    keypoint_descriptors: Image
    """(K, 128)"""
    spread: Spread
    codes: tuple[str, ...]
    """Texts of the bar codes that all genuine copies carry."""
    checks: tuple[str, ...]
    check_centre: Floats
    check_scale: Floats
    """(C,) location and scale of the logarithm of each check's score on held-out genuine photos."""
    held_out: Floats
    """(n, C) each check on genuine photos that were held out, in that scale."""
    genuine: Floats
    """(n,) scores of held-out genuine photos, ascending."""


def save_reference(reference: Reference) -> bytes:
    """The file of `reference`; the same constants give the same bytes."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for holder in (reference.spread, reference):
        for field in fields(holder):
            value = getattr(holder, field.name)
            if isinstance(value, np.ndarray):
                arrays[field.name] = value
    for name in HALF:
        arrays[name] = np.clip(arrays[name], -60000, 60000).astype(np.float16)
    told = {
        "version": REFERENCE_VERSION,
        "paper": reference.paper,
        "codes": reference.codes,
        "checks": reference.checks,
    }
    arrays["told"] = np.frombuffer(json.dumps(told, sort_keys=True).encode(), np.uint8)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name in sorted(arrays):
            part = io.BytesIO()
            np.lib.format.write_array(part, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            # A fixed date: numpy writes today's, and the digest would change with it.
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def load_reference(path: Path, *, sha256: str | None = None) -> Reference:
    """The reference in `path`, after checking its SHA-256 where one is given.

    Raises:
        BundleError: If the file is missing, altered, or no reference of this version.
    """
    if not path.is_file():
        raise BundleError(f"{path}: expected the constants of a reference, found no file")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise BundleError(
            f"{path}: expected SHA-256 {sha256[:12]}…, got {found[:12]}…;"
            " the file was altered or only half copied, copy the bundle again"
        )
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        told = json.loads(arrays.pop("told").tobytes())
        if told["version"] != REFERENCE_VERSION:
            raise BundleError(
                f"{path}: expected reference version {REFERENCE_VERSION}, got {told['version']!r};"
                " make it anew from its photos with `parcelscope references build`"
            )
        for name in HALF:
            arrays[name] = arrays[name].astype(np.float32)
        spread = Spread(**{field.name: arrays.pop(field.name) for field in fields(Spread)})
        return Reference(
            spread=spread,
            paper=int(told["paper"]),
            codes=tuple(told["codes"]),
            checks=tuple(told["checks"]),
            **arrays,
        )
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path}: expected the constants of a reference, got: {error}") from None
