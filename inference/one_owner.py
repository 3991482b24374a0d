"""One parcel as fast as it goes: its photos are read beside its scans, not after them.

A run fills the cores with many parcels at a time, in `engine`; what is said is the same.
"""

from concurrent.futures import Executor
from pathlib import Path

from parcelscope.inference.decoding import DIRECT, Decoding
from parcelscope.inference.detectors import Detectors
from parcelscope.inference.owners import Owner
from parcelscope.inference.photo_scoring import score_photos
from parcelscope.inference.scan_scoring import read_scans, score_scans
from parcelscope.inference.verdicts import Outcome
from parcelscope.inference.weighing import Gauges


def score_owner(
    owner: Owner,
    root: Path,
    detectors: Detectors,
    gauges: Gauges,
    beside: Executor,
    decoding: Decoding = DIRECT,
    *,
    ocr: bool = False,
) -> Outcome:
    """All that is said about `owner`, as `engine.score_owners` says it of one.

    Args:
        owner: A parcel or carton with its images.
        root: Folder that the image paths start from.
        detectors: The sessions.
        gauges: One for each scanner.
        beside: Its photos are read in one of its threads, its scans in the caller's.
        decoding: How files are opened and decoded.
        ocr: Whether labels are read as text, too.
    """

    def photos() -> Outcome:
        outcome = Outcome()
        score_photos(owner, root, outcome, detectors.references, decoding, ocr=ocr)
        return outcome

    waiting = beside.submit(photos)
    read, looked = Outcome(), Outcome()
    scans = read_scans(owner, root, detectors, gauges, read, decoding)
    score_scans(scans, root, detectors, looked)
    parts = (read, waiting.result(), looked)
    return Outcome(
        findings=[finding for part in parts for finding in part.findings],
        not_assessed=[row for part in parts for row in part.not_assessed],
        verdicts=[verdict for part in parts for verdict in part.verdicts],
        embeddings=[one for part in parts for one in part.embeddings],
    )
