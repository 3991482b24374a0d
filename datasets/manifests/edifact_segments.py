"""EDIFACT, cut into segments and messages; syntax only, no directory of message types."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydifact.control.characters import Characters
from pydifact.exceptions import EDISyntaxError
from pydifact.parser import Parser
from pydifact.tokenizer import Tokenizer

_UNA_LENGTH = 9
# Character sets of the syntax identifiers in UNB (ISO 9735): A and B are within ASCII.
_CODECS: Final = {
    "UNOA": "latin-1", "UNOB": "latin-1", "UNOC": "latin-1", "UNOD": "iso8859-2",
    "UNOE": "iso8859-5", "UNOF": "iso8859-7", "UNOY": "utf-8", "UNOW": "utf-8",
}  # fmt: skip


class EdifactRefusedError(Exception):
    """A text whose segments cannot be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment: a tag and its data elements, each a tuple of components."""

    tag: str
    number: int
    """Position in the file, from 1."""
    elements: tuple[tuple[str, ...], ...]

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"segment {self.number} {self.tag}"

    def at(self, element: int, component: int = 0) -> str:
        """Component of an element, both from 0; empty where the segment is shorter."""
        if element >= len(self.elements) or component >= len(self.elements[element]):
            return ""
        return self.elements[element][component].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class EdifactMessage:
    """The segments between UNH and UNT."""

    reference: str
    kind: str
    """Message type such as CUSCAR or IFTMIN."""
    segments: tuple[Segment, ...]
    decimal_mark: str
    fault: str = ""
    """Why the message cannot be whole, where it is not."""


def decoded(data: bytes) -> str:
    """The text of an interchange, by the character set that it names.

    Raises:
        EdifactRefusedError: If the bytes do not belong to it.
    """
    syntax = ""
    start = data.find(b"UNB")
    if 0 <= start < 200:
        syntax = data[start + 4 : start + 8].decode("latin-1")
    codec = _CODECS.get(syntax)
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode(codec or "utf-8")
    except UnicodeDecodeError:
        if codec is not None:
            raise EdifactRefusedError(f"bytes that are not in {syntax}") from None
        return data.decode("latin-1")


def segments_of(text: str) -> Iterator[Segment]:
    """All segments of `text`, in order.

    Raises:
        EdifactRefusedError: If the text ends within a segment or breaks the syntax.
    """
    text = text.lstrip()
    characters = Parser().characters
    if text.startswith("UNA"):
        if len(text) < _UNA_LENGTH:
            raise EdifactRefusedError("a UNA segment that is cut off")
        marks = text[3:_UNA_LENGTH]
        if len({marks[0], marks[1], marks[5]}) < 3:
            raise EdifactRefusedError("a UNA segment that uses one character for two ends")
        characters = Characters.from_str(text[:_UNA_LENGTH])
        text = text[_UNA_LENGTH:].lstrip()
    tokens = Tokenizer().get_tokens(text.rstrip(), characters)
    try:
        # Not Parser.parse: it validates against directories, and rewrites the syntax as it goes.
        for number, raw in enumerate(Parser().convert_tokens_to_raw_segments(tokens), start=1):
            elements = tuple(tuple(one) if isinstance(one, list) else (one,) for one in raw)
            tag = elements[0][0].strip() if elements and elements[0] else ""
            yield Segment(tag=tag, number=number, elements=elements[1:])
    except (EDISyntaxError, IndexError, AssertionError) as error:
        raise EdifactRefusedError(str(error) or type(error).__name__) from None


def messages_of(text: str) -> Iterator[EdifactMessage]:
    """The messages of an interchange; one without UNT or with a wrong count carries a fault.

    Raises:
        EdifactRefusedError: As `segments_of` does.
    """
    text = text.lstrip()
    mark = text[5] if text.startswith("UNA") and len(text) >= _UNA_LENGTH else "."
    header: Segment | None = None
    inside: list[Segment] = []
    for segment in segments_of(text):
        if segment.tag == "UNH":
            if header is not None:
                yield _message(header, inside, mark, "no UNT before the next UNH")
            header, inside = segment, []
        elif segment.tag == "UNT" and header is not None:
            stated = segment.at(0)
            count = len(inside) + 2
            fault = "" if stated == str(count) else f"UNT states {stated}, there are {count}"
            yield _message(header, inside, mark, fault)
            header = None
        elif header is not None:
            inside.append(segment)
    if header is not None:
        yield _message(header, inside, mark, "no UNT at its end")


def _message(header: Segment, segments: list[Segment], mark: str, fault: str) -> EdifactMessage:
    return EdifactMessage(
        reference=header.at(0), kind=header.at(1), segments=tuple(segments),
        decimal_mark=mark, fault=fault,
    )  # fmt: skip
