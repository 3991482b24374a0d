"""The share of damaged input at which a run stops: then the delivery is at fault, not a file."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.inference.intake import FAULTY, Intake
from parcelscope.inference.shards import PartFile, ShardReceipt
from parcelscope.pipelines.accounts import rejected_images


class QuarantineLimit:
    """Counts the faulty images of a run, from its beginning and over all its attempts."""

    def __init__(self, intake: Intake, feed: Feed, out: Path) -> None:
        """For the run of `feed` in the run folder `out`; rejected rows count from the start."""
        self._intake = intake
        self._out = out
        self._images = feed.rows.get("images", 0)
        self._rejected = rejected_images(feed).select("verdict", "code")
        self._verdicts = Counter(self._rejected.get_column("verdict").to_list())
        self._parts: list[PartFile] = []

    def add_committed(self, parts: Iterable[PartFile]) -> None:
        """Count what earlier attempts left, and see whether to go on.

        Raises:
            RunError: With the counts and the commonest codes, if there are too many.
        """
        self._parts += parts
        self._verdicts.update(self._faulty().get_column("verdict").to_list())
        self._require()

    def add(self, receipt: ShardReceipt) -> None:
        """Count one shard that was committed, and see whether to go on.

        Raises:
            RunError: With the counts and the commonest codes, if there are too many.
        """
        self._parts += receipt.parts
        self._verdicts.update(dict(receipt.verdicts))
        self._require()

    def _require(self) -> None:
        if not self._intake.allows(self._verdicts.items(), self._images):
            codes = pl.concat([self._rejected, self._faulty()]).get_column("code")
            raise self._intake.refusal(codes.to_list(), self._images)

    def _faulty(self) -> pl.DataFrame:
        """Verdict and code of each faulty image in the parts."""
        files = [self._out / part.file for part in self._parts if part.table == "images"]
        if not files:
            return self._rejected.clear()
        scanned = pl.scan_parquet(files, glob=False).select("verdict", "code")
        return scanned.filter(pl.col("verdict").is_in(FAULTY)).collect()
