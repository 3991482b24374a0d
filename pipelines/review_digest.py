"""One digest of all that the enrolment of a run depends on."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from parcelscope.datasets.feed_urls import feed_url, local_path
from parcelscope.pipelines.reference_pictures import FOLDER
from parcelscope.pipelines.review_scoring import Scoring
from parcelscope.pipelines.run_folder import CARD, RunCard
from parcelscope.pipelines.run_plan import table_digests
from parcelscope.review.events import canonical

_CODE: Final = ("datasets", "models", "inference", "screening", "review", "pipelines")


def enrolment_digest(
    folder: Path, card: RunCard, scoring: Scoring, feed_folder: Path | None
) -> str | None:
    """SHA-256 of what dossiers are made of, and by; None where that cannot be told cheaply.

    The card names the SHA-256 of each part of the run, which are not read for this. Image files are
    looked at only when somebody sees them.

    Args:
        folder: Of the run.
        card: Its card. Those of early releases name no parts.
        scoring: What scored the run.
        feed_folder: Where its feed lies now; None is where it lay. Not behind a URL.
    """
    feed = str(feed_folder or card.feed)
    if card.parts is None or feed_url(feed) is not None:
        return None
    told = {
        "run": [str(folder.absolute()), hashlib.sha256((folder / CARD).read_bytes()).hexdigest()],
        "feed": [str(local_path(feed).absolute()), table_digests(local_path(feed))],
        "bundle": None if scoring.bundle_at is None else str(scoring.bundle_at.absolute()),
        "personal": sorted(scoring.personal),
        "references": sorted(path.name for path in (folder / FOLDER).glob("*")),
        "code": _code_digest(),
    }
    return hashlib.sha256(canonical(told).encode()).hexdigest()


@cache
def _code_digest() -> str:
    """SHA-256 of our own code: two states of one version make other dossiers of the same run."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for name in _CODE:
        for path in sorted((root / name).rglob("*.py")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root)} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()
