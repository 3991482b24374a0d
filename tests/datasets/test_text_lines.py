"""Lines of text that belong together, whichever way the label lies."""

import numpy as np
import pytest

from parcelscope.datasets.text_lines import TextLine, text_blocks, text_rows

LABEL = (
    ("Shenzhen Trade Co", 0, 0),
    ("12 Mill Road", 0, 30),
    ("Shenzhen CN", 0, 60),
    ("Jane Doe", 0, 120),
    ("45 Main St", 0, 150),
    ("Springfield 62701", 0, 180),
    ("RB123456785GB", 300, 400),
)
BLOCKS = [["Shenzhen Trade Co", "12 Mill Road", "Shenzhen CN"]]
BLOCKS += [["Jane Doe", "45 Main St", "Springfield 62701"], ["RB123456785GB"]]


def lines(turned_deg: float = 0.0) -> list[TextLine]:
    """The label with its lines in no order, corners as a reader gives them: by the photo."""
    turn = np.deg2rad(turned_deg)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    made = []
    for text, left, top in LABEL[::-1]:
        width = 12.0 * len(text)
        right, bottom = left + width, top + 28
        flat = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        corners = flat @ rotation
        first = int(np.argmin(corners.sum(axis=1)))
        corners = np.roll(corners, -first, axis=0).astype(np.float32)
        made.append(TextLine(text=text, confidence=0.9, corners_xy=corners))
    return made


def test_no_lines_are_no_blocks() -> None:
    assert text_blocks([]) == ()


def test_one_line_is_a_block() -> None:
    (line, *_) = lines()
    assert text_blocks([line]) == ((line,),)


@pytest.mark.parametrize("turned_deg", [0, 7, -7, 90, 83, 180, 187, 270])
def test_paragraphs_are_found_from_top_to_bottom_however_the_label_lies(turned_deg: float) -> None:
    found = [[line.text for line in block] for block in text_blocks(lines(turned_deg))]
    assert found == BLOCKS


def test_a_headline_is_no_part_of_the_paragraph_below_it() -> None:
    head = TextLine(
        text="EXPRESS",
        confidence=0.9,
        corners_xy=np.array([[0, -45], [200, -45], [200, -3], [0, -3]], np.float32),
    )
    assert text_blocks([head, *lines()])[0] == (head,)


def test_a_line_knows_the_box_around_it() -> None:
    (line,) = (one for one in lines(90) if one.text == "Jane Doe")
    x0, y0, x1, y1 = line.box_xyxy
    assert (round(x1 - x0), round(y1 - y0)) == (28, 96)


def side_by_side(*parts: tuple[str, float, float], turned: bool = False) -> list[TextLine]:
    """Lines of 28 px height: text, left edge, upper edge; all on its head if `turned`."""
    made = []
    for text, left, top in parts:
        right, bottom = left + 14.0 * len(text), top + 28
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        if turned:
            corners = np.roll(1000 - corners, 2, axis=0)
        made.append(TextLine(text=text, confidence=0.9, corners_xy=corners))
    return made


def test_groups_of_a_number_are_one_row() -> None:
    parts = side_by_side(("006381", 60, 2), ("4", 20, 0), ("333931", 180, -2))
    (row,) = text_rows(parts)
    assert (row.text, row.confidence) == ("4 006381 333931", 0.9)
    assert row.box_xyxy == (20, -2, 264, 30)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="nothing"),
        pytest.param([("4", 20, 0)], id="one line"),
        pytest.param([("4", 20, 0), ("006381", 200, 0)], id="far apart"),
        pytest.param([("4", 20, 0), ("006381", 60, 30)], id="below each other"),
    ],
)
def test_other_lines_are_no_row(parts: list[tuple[str, float, float]]) -> None:
    assert text_rows(side_by_side(*parts)) == ()


def test_a_row_on_its_head_is_read_from_its_own_left() -> None:
    block = [("Jane Doe", 20, 100), ("45 Main Street", 20, 130), ("Springfield 62701", 20, 160)]
    parts = side_by_side(*block, ("RB 123", 20, 300), ("456 785 GB", 130, 300), turned=True)
    assert [row.text for row in text_rows(parts)] == ["RB 123 456 785 GB"]
