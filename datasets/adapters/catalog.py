"""The sets and layouts that `dataset import` knows, with their licences."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from parcelscope.datasets.adapters import (
    box_lists,
    clcxray,
    coco,
    compass_xp,
    dvxray,
    eds,
    gdxray,
    mvtec,
    pidray,
    sixray,
    voc,
    yolo,
)
from parcelscope.datasets.adapters.layout import Layout
from parcelscope.datasets.errors import DatasetError

YOUR_OWN = "that of your pictures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """How one set is read, and under which terms."""

    name: str
    """As the command line says it."""
    title: str
    what: str
    licence: str
    read: Callable[[Path, str | None], Layout]
    variants: str | None = None
    """What `--variant` may say."""


_ALL = (
    Adapter(
        name="sixray",
        title="SIXray",
        what="scans of luggage, 6 classes of items, most scans clean",
        licence="academic use only",
        read=sixray.read,
        variants="10, 100 or 1000 clean scans per scan with an item",
    ),
    Adapter(
        name="pidray",
        title="PIDray",
        what="scans with hidden items, 12 classes, tests easy, hard and hidden",
        licence="academic use only",
        read=pidray.read,
    ),
    Adapter(
        name="opixray",
        title="OPIXray",
        what="scans with cutters, 5 classes, occluded to three degrees",
        licence="academic use only",
        read=box_lists.read_opixray,
    ),
    Adapter(
        name="hixray",
        title="HiXray",
        what="scans of everyday goods, 8 classes",
        licence="academic use only",
        read=box_lists.read_hixray,
    ),
    Adapter(
        name="clcxray",
        title="CLCXray",
        what="scans with cutters and liquid containers, 12 classes",
        licence="academic use only",
        read=clcxray.read,
    ),
    Adapter(
        name="eds",
        title="EDS",
        what="the same 10 goods on three scanners",
        licence="academic use only",
        read=eds.read,
        variants="domain1, domain2 or domain3",
    ),
    Adapter(
        name="dvxray",
        title="DvXray",
        what="pairs of views of luggage, 15 classes, as many clean",
        licence="none stated, so no use without the authors' leave",
        read=dvxray.read,
    ),
    Adapter(
        name="gdxray",
        title="GDXray",
        what="grey series of baggage, castings, welds and natural objects",
        licence="research and education only",
        read=gdxray.read,
        variants="Baggages, Castings, Nature, Settings or Welds",
    ),
    Adapter(
        name="compass-xp",
        title="COMPASS-XP",
        what="1,928 scans as raw low and high energy, renderings and photos, no boxes",
        licence="CC BY 4.0",
        read=compass_xp.read,
        variants="dual (the default), colour, grey or photo",
    ),
    Adapter(
        name="mvtec-ad",
        title="MVTec AD layout",
        what="normal pictures to train, defective ones to test, with masks",
        licence="MVTec AD itself: CC BY-NC-SA 4.0, not for commercial use; else " + YOUR_OWN,
        read=mvtec.read,
        variants="the category",
    ),
    Adapter(
        name="coco", title="COCO", what="any set annotated as COCO", licence=YOUR_OWN,
        read=coco.read,
    ),
    Adapter(
        name="yolo", title="YOLO", what="any set annotated for YOLO, with data.yaml",
        licence=YOUR_OWN, read=yolo.read,
    ),
    Adapter(
        name="voc", title="Pascal VOC", what="any set annotated as Pascal VOC", licence=YOUR_OWN,
        read=voc.read,
    ),
)  # fmt: skip
ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in _ALL}


def adapter_of(name: str) -> Adapter:
    """The adapter called `name`, in any case.

    Raises:
        DatasetError: If there is none.
    """
    try:
        return ADAPTERS[name.lower()]
    except KeyError:
        known = ", ".join(ADAPTERS)
        raise DatasetError(f"no data set or layout {name!r}; known: {known}") from None
