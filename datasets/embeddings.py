"""Embeddings of scans: a few numbers each, by which like scans lie close together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.datasets.records import OwnerKind

EMBEDDING_SCHEMA = pl.Schema(
    {
        "owner_id": pl.String(),
        "owner_kind": pl.String(),
        "image_path": pl.String(),
        "version": pl.String(),
        "vector": pl.List(pl.Float32()),
    }
)
"""Columns of the `embeddings` table of a run."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScanEmbedding:
    """Where one scan lies among all scans."""

    owner_id: str
    owner_kind: OwnerKind
    image_path: str
    """First file of the scan, relative to the feed."""
    version: str
    """How it was made; vectors of different versions cannot be compared."""
    vector: npt.NDArray[np.float32]
    """(D,) of length one, all 0 or more, so that the cosine of two is from 0 to 1."""


def embeddings_frame(embeddings: Sequence[ScanEmbedding]) -> pl.DataFrame:
    """`embeddings` as a table, one row each, columns as `EMBEDDING_SCHEMA`."""
    return pl.DataFrame(
        {
            "owner_id": [one.owner_id for one in embeddings],
            "owner_kind": [one.owner_kind for one in embeddings],
            "image_path": [one.image_path for one in embeddings],
            "version": [one.version for one in embeddings],
            "vector": [one.vector.tolist() for one in embeddings],
        },
        schema=EMBEDDING_SCHEMA,
    )
