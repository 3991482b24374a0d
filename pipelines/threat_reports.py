"""What is said of a parcel, told of each of its DICOS scans in the words of DICOS.

| the answer | the report |
|---|---|
| band `inspect` or `look` | `ALARM`: somebody should look at it |
| band `clear`, and its shapes and oddities were looked for in this scan | `CLEAR` |
| all else | `UNKNOWN`, aborted where nothing came of this scan |
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from parcelscope.datasets.dicos_tdr import (
    AbortReason,
    Decision,
    DicosInstance,
    Region,
    Report,
    read_dicos_instance,
    report_bytes,
)
from parcelscope.datasets.errors import ImageError
from parcelscope.pipelines.service.parcel import ScoreAnswer
from parcelscope.pipelines.versions import parcelscope_version

ALARM_BANDS: Final = frozenset({"look", "inspect"})
LOOKED_FOR: Final = ("xray.items", "xray.anomaly")
"""What must have been looked for in a scan before it may be called clear."""
_MAGIC: Final = slice(128, 132)
LOG = logging.getLogger("parcelscope.watch")


def threat_reports(
    answer: ScoreAnswer, files: Mapping[str, bytes], *, decided_at: datetime
) -> tuple[bytes, ...]:
    """A DICOS report for each study of which `files` has DX images, in the order of the files.

    Args:
        answer: What is said of the parcel.
        files: Its images by the names that `answer` has for them.
        decided_at: With its time zone.
    """
    studies: dict[str, dict[str, DicosInstance]] = {}
    for path, instance in _instances(files):
        studies.setdefault(instance.study_uid, {})[path] = instance
    return tuple(
        report_bytes(_report(answer, images, decided_at), owner_id=answer.parcel_id or "")
        for images in studies.values()
    )


def _instances(files: Mapping[str, bytes]) -> Iterator[tuple[str, DicosInstance]]:
    for path, content in files.items():
        if content[_MAGIC] != b"DICM":
            continue
        try:
            yield path, read_dicos_instance(content)
        except ImageError as error:
            # What it is cannot be told, so nothing can refer to it; the answer says why.
            LOG.warning("no DICOS report", extra={"image": path, "error": str(error)})


def _report(
    answer: ScoreAnswer, images: Mapping[str, DicosInstance], decided_at: datetime
) -> Report:
    decision, abort = _decision(answer, images)
    return Report(
        instances=tuple(images.values()),
        decision=decision,
        abort=abort,
        regions=tuple(_regions(answer, images, decision)),
        software=_software(answer),
        decided_at=decided_at,
        took_ms=answer.took_ms,
    )


def _decision(
    answer: ScoreAnswer, images: Mapping[str, DicosInstance]
) -> tuple[Decision, AbortReason | None]:
    if answer.verdict == "not_assessed":
        return "UNKNOWN", _reason(answer, images)
    if answer.band in ALARM_BANDS:
        return "ALARM", None
    if answer.band == "clear" and _was_looked_at(answer, images):
        return "CLEAR", None
    return "UNKNOWN", _reason(answer, images)


def _was_looked_at(answer: ScoreAnswer, images: Mapping[str, DicosInstance]) -> bool:
    """Whether shapes and oddities were looked for in all of `images`."""
    missed = {said.partition(":")[0] for said in answer.not_assessed}
    verdicts = {image.path: image.verdict for image in answer.images}
    return missed.isdisjoint(LOOKED_FOR) and all(
        verdicts.get(path) == "assessed" for path in images
    )


def _reason(answer: ScoreAnswer, images: Mapping[str, DicosInstance]) -> AbortReason:
    if answer.why == "latency":
        return "TIMEOUT"
    unread = {image.path for image in answer.images if image.verdict == "quarantined"}
    return "NOT_REVIEWED" if unread.isdisjoint(images) else "UNKNOWN_DATATYPE"


def _regions(
    answer: ScoreAnswer, images: Mapping[str, DicosInstance], decision: Decision
) -> Iterator[Region]:
    """The places in `images` that the reasons of the answer name, one for each reason.

    Of an alarm also the whole first image, for the reasons that are about no place in it.
    """
    left: list[str] = list(answer.reasons)
    for finding in answer.findings:
        box: Any = finding.get("box_xyxy")
        sentence, path = str(finding.get("sentence")), str(finding.get("image_path"))
        if box is None or path not in images or sentence not in left:
            continue
        left.remove(sentence)
        x0, y0, x1, y1 = (float(side) for side in box)
        yield Region(instance=images[path], box_xyxy=(x0, y0, x1, y1), sentence=sentence)
    if decision == "ALARM" and (left or not answer.reasons):
        first = next(iter(images.values()))
        width, height = first.size_wh
        yield Region(
            instance=first,
            box_xyxy=(0.0, 0.0, float(width), float(height)),
            sentence=" ".join(["The parcel as a whole:", *(left or ["no single reason."])]),
        )


def _software(answer: ScoreAnswer) -> tuple[str, ...]:
    """Who decided, and by what."""
    words = ["parcelscope", parcelscope_version()]
    if answer.bundle is not None:
        name = answer.bundle
        words += [f"bundle={name.name} {name.version}", f"digest={name.digest[:12]}"]
    if answer.risk is not None:
        words += [f"risk={answer.risk:.4f}", f"band={answer.band}"]
    if answer.why is not None:
        words.append(f"why={answer.why}")
    return tuple(words)
