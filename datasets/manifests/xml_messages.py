"""XML of unknown senders, parsed without doing what it asks for."""

import io
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from parcelscope.datasets.manifests.entries import Value, text_value
from parcelscope.datasets.manifests.limits import Limits
from parcelscope.datasets.manifests.units import in_grams

FAULTS: Final = (ParseError, ValueError, LookupError)
"""What expat and the codecs raise on damaged text; `DefusedXmlException` is a `ValueError`."""


class XmlRefusedError(Exception):
    """An XML text that is not read on; the message says what it holds."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(got)
        self.expected = expected
        self.got = got


def parse_xml(data: bytes, limits: Limits) -> Element:
    """The root element of `data`, all names without their namespaces.

    Raises:
        XmlRefusedError: If it is not well-formed, declares a document type or entities, is nested
            too deeply or holds too many elements.
    """
    if len(data) > limits.message_bytes:
        raise XmlRefusedError(f"at most {limits.message_bytes:,} bytes", f"{len(data):,} bytes")
    depth = elements = 0
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(data), events=("start", "end"), forbid_dtd=True):
            if event == "end":
                depth -= 1
                continue
            if root is None:
                root = element
            depth += 1
            elements += 1
            element.tag = element.tag.rpartition("}")[2]
            if depth > limits.xml_depth:
                raise XmlRefusedError(
                    f"elements nested at most {limits.xml_depth} deep", "deeper nesting"
                )
            if elements > limits.xml_elements:
                raise XmlRefusedError(f"at most {limits.xml_elements:,} elements", "more elements")
    except DefusedXmlException as error:
        raise XmlRefusedError(
            "XML without a document type or entities", f"{type(error).__name__}"
        ) from None
    except FAULTS as error:
        raise XmlRefusedError(
            "well-formed XML in the encoding that it declares", str(error)
        ) from None
    if root is None:
        raise XmlRefusedError("an XML document", "nothing")
    return root


@dataclass(frozen=True, slots=True)
class Scope:
    """One element, and the path by which a reader of the file finds it."""

    element: Element
    path: str

    def inner(self, names: str) -> "Scope | None":
        """The first element at `names`, such as `A/B`, below this one."""
        found = self.element.find(names)
        return None if found is None else Scope(found, f"{self.path}/{names}")

    def each(self, name: str) -> "list[Scope]":
        """All elements `name` right below this one, numbered from 1."""
        return [
            Scope(element, f"{self.path}/{name}[{index}]")
            for index, element in enumerate(self.element.findall(name), start=1)
        ]

    @property
    def text(self) -> str:
        """The text with single blanks, empty where there is none."""
        return " ".join((self.element.text or "").split())

    def value(self, names: str) -> Value | None:
        """The text at `names` with its place; None where there is none."""
        found = self.inner(names)
        return text_value(found.text, found.path) if found is not None and found.text else None

    def grams(self, names: str) -> Value | None:
        """The weight at `names` in grams.

        A weight in a unit that is not understood stays as written with its unit, which no number
        column takes: so it is told instead of being dropped.
        """
        found = self.inner(names)
        if found is None or not found.text:
            return None
        unit = found.element.get("unitCode")
        written = f"{found.text} {unit or ''}".strip()
        grams = in_grams(found.text, unit)
        if grams is None:
            return text_value(written if unit else f"{written} without a unit", found.path)
        return text_value(grams, found.path, as_written=written)
