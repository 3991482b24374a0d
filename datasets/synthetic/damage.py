"""Files that never arrived or arrived damaged, and the digests of those that are whole."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from parcelscope.datasets.synthetic.rows import Row


def deliver(
    rng: np.random.Generator,
    root: Path,
    rows: Sequence[Row],
    *,
    missing_share: float,
    corrupt_share: float,
) -> bool:
    """Give `rows` the digests of their files, now and then losing or damaging what they name.

    Args:
        rng: Source of chance.
        root: Feed folder.
        rows: The rows of one scan, or of one photo; changed in place.
        missing_share: Chance that all their files are lost.
        corrupt_share: Chance that one of their files is damaged.

    Returns:
        Whether the image can be read.
    """
    for row in rows:
        row["sha256"] = _digest(root / str(row["path"]))
    fate = float(rng.random())
    if fate < missing_share:
        for row in rows:
            (root / str(row["path"])).unlink()
        return False
    if fate < missing_share + corrupt_share:
        _damage(rng, root, rows[int(rng.integers(len(rows)))])
        return False
    return True


def _damage(rng: np.random.Generator, root: Path, row: Row) -> None:
    path = root / str(row["path"])
    content = path.read_bytes()
    if rng.random() < 0.5:
        path.write_bytes(content[: int(len(content) * rng.uniform(0.2, 0.8))])
        # Cut short before it was hashed: only decoding shows it.
        row["sha256"] = _digest(path)
        return
    changed = np.frombuffer(content, np.uint8).copy()
    start = int(rng.integers(len(changed) // 2))
    # Flipped on the way, after it was hashed: only the digest is sure to show it.
    changed[start : start + 64] ^= np.uint8(0xFF)
    path.write_bytes(changed.tobytes())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
