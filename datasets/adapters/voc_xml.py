"""Annotations as Pascal VOC keeps them: one XML file per picture, corners counted from one."""

from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from parcelscope.datasets.adapters.layout import SMALL_CAP_BYTES, Box, number, read_limited
from parcelscope.datasets.errors import DatasetError

_DEEPEST = 32
"""Annotations nest four deep; far deeper XML is made to exhaust a reader."""


def read_voc(path: Path) -> tuple[tuple[Box, ...], tuple[int, int] | None]:
    """The boxes in the VOC file at `path`, and the size (w, h) they were drawn for if it says.

    VOC counts pixels from one and includes the last, so pixel 1 to 10 is the box from 0 to 10.

    Raises:
        DatasetError: If it is not such a file.
    """
    root = safe_xml(path)
    if root.tag != "annotation":
        raise DatasetError(f"{path}: expected an <annotation>, got <{root.tag[:40]}>")
    boxes = []
    for at, item in enumerate(root.iter("object"), start=1):
        where = f"{path} object {at}"
        label = (item.findtext("name") or "").strip()
        corners = item.find("bndbox")
        if not label or corners is None:
            raise DatasetError(f"{where}: expected a <name> and a <bndbox>")
        x0, y0, x1, y1 = (
            number(corners.findtext(side), where) for side in ("xmin", "ymin", "xmax", "ymax")
        )
        boxes.append(Box(label, x0 - 1, y0 - 1, x1, y1))
    return tuple(boxes), _size(root, path)


def safe_xml(path: Path) -> Element:
    """The root of a small XML file without document type or entities, which can be bombs.

    Raises:
        DatasetError: If it is broken, nested absurdly, or declares such things.
    """
    data = read_limited(path, SMALL_CAP_BYTES)
    builder, depth = TreeBuilder(), 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise DatasetError(f"{path}: XML nested deeper than {_DEEPEST} is not read")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def declared(*_: object) -> None:
        raise DatasetError(f"{path}: XML with a document type or entities is not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = declared
    parser.EntityDeclHandler = declared
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # LookupError: an odd encoding
        raise DatasetError(f"{path}: not readable as XML: {error}") from None
    return builder.close()


def _size(root: Element, path: Path) -> tuple[int, int] | None:
    size = root.find("size")
    if size is None:
        return None
    width, height = (int(number(size.findtext(side), str(path))) for side in ("width", "height"))
    # Tools that do not know the size write zeros.
    return (width, height) if width > 0 and height > 0 else None
