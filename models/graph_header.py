"""What an ONNX file says of itself, read from its bytes without the `onnx` package.

The runtime says neither which operator set a graph asks for nor whether its weights lie in another
file, and it reads that other file before anybody can object. ONNX is protobuf, of which a handful
of fields is enough; their numbers are those of `onnx.proto` (ONNX 1.17).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parcelscope.datasets.errors import BundleError

MOST_NESTED: Final = 16
"""Graphs within graphs (branches, loops); more is no model but an attack on the stack."""

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
MODEL_GRAPH, MODEL_OPSET, MODEL_FUNCTION = 7, 8, 25
OPSET_DOMAIN, OPSET_VERSION = 1, 2
GRAPH_NODE, GRAPH_TENSOR, GRAPH_SPARSE = 1, 5, 15
FUNCTION_NODE, FUNCTION_OPSET, FUNCTION_DOMAIN, FUNCTION_ATTRIBUTE = 7, 9, 10, 11
NODE_ATTRIBUTE = 5
ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS, ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
SPARSE_PARTS = (1, 2)
TENSOR_NAME, TENSOR_EXTERNAL, TENSOR_LOCATION = 8, 13, 14
LOCATION_EXTERNAL = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphHeader:
    """Operator sets and the tensors whose values lie elsewhere."""

    opsets: tuple[tuple[str, int], ...]
    """(domain, version), the empty domain being ONNX's own."""
    own: frozenset[str]
    """Domains of the functions that the file brings itself."""
    external: tuple[str, ...]
    """Names of tensors whose values lie in another file."""


class _MalformedError(ValueError):
    """The bytes are no protobuf of the kind expected."""


def read_graph_header(path: Path) -> GraphHeader:
    """The header of the ONNX file at `path`.

    Raises:
        BundleError: If the file is no ONNX model.
        OSError: If it cannot be read.
    """
    try:
        header = parse_graph_header(path.read_bytes())
    except _MalformedError as error:
        raise BundleError(f"{path}: expected an ONNX model, got: {error}") from None
    return header


def parse_graph_header(content: bytes) -> GraphHeader:
    """The header of the ONNX model whose bytes are `content`.

    Raises:
        ValueError: If `content` is no ONNX model.
    """
    opsets: list[tuple[str, int]] = []
    external: list[str] = []
    own: set[str] = set()
    graphs = 0
    for number, value in _fields(memoryview(content)):
        if number == MODEL_OPSET:
            opsets.append(_opset(_message(value)))
        elif number == MODEL_FUNCTION:
            for part, inner in _fields(_message(value)):
                if part == FUNCTION_OPSET:
                    opsets.append(_opset(_message(inner)))
                elif part == FUNCTION_DOMAIN:
                    own.add(_text(inner))
                elif part == FUNCTION_NODE:
                    external += _node_external(_message(inner), 0)
                elif part == FUNCTION_ATTRIBUTE:
                    external += _attribute_external(_message(inner), 0)
        elif number == MODEL_GRAPH:
            graphs += 1
            external += _graph_external(_message(value), 0)
    if not graphs or not opsets:
        raise _MalformedError("a file without a graph or without an operator set")
    return GraphHeader(
        opsets=tuple(dict.fromkeys(opsets)), own=frozenset(own), external=tuple(external)
    )


def _graph_external(graph: memoryview, depth: int) -> Iterator[str]:
    if depth > MOST_NESTED:
        raise _MalformedError(f"graphs nested more than {MOST_NESTED} deep")
    for number, value in _fields(graph):
        if number == GRAPH_TENSOR:
            yield from _tensor_external(_message(value))
        elif number == GRAPH_SPARSE:
            yield from _sparse_external(_message(value))
        elif number == GRAPH_NODE:
            yield from _node_external(_message(value), depth)


def _node_external(node: memoryview, depth: int) -> Iterator[str]:
    for number, value in _fields(node):
        if number == NODE_ATTRIBUTE:
            yield from _attribute_external(_message(value), depth)


def _attribute_external(attribute: memoryview, depth: int) -> Iterator[str]:
    for number, value in _fields(attribute):
        if number in ATTRIBUTE_TENSORS:
            yield from _tensor_external(_message(value))
        elif number in ATTRIBUTE_SPARSE:
            yield from _sparse_external(_message(value))
        elif number in ATTRIBUTE_GRAPHS:
            yield from _graph_external(_message(value), depth + 1)


def _sparse_external(sparse: memoryview) -> Iterator[str]:
    for number, value in _fields(sparse):
        if number in SPARSE_PARTS:
            yield from _tensor_external(_message(value))


def _tensor_external(tensor: memoryview) -> Iterator[str]:
    name, elsewhere = "a tensor without a name", False
    for number, value in _fields(tensor):
        if number == TENSOR_NAME:
            name = _text(value)
        elif number == TENSOR_EXTERNAL:
            elsewhere = True
        elif number == TENSOR_LOCATION:
            elsewhere = elsewhere or value == LOCATION_EXTERNAL
    if elsewhere:
        yield name


def _opset(message: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for number, value in _fields(message):
        if number == OPSET_DOMAIN:
            domain = _text(value)
        elif number == OPSET_VERSION and isinstance(value, int):
            version = value
    return ("" if domain == "ai.onnx" else domain), version  # two spellings of one domain


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8", "replace")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise _MalformedError("a number where a message belongs")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, value) of every field of one protobuf message, without copying."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise _MalformedError("a field without a number")
        if wire == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == BYTES:
            length, at = _varint(message, at)
        elif wire in (FIXED_64, FIXED_32):
            length = 8 if wire == FIXED_64 else 4
        else:
            raise _MalformedError(f"a field of the unknown kind {wire}")
        if at + length > len(message):
            raise _MalformedError("a file that ends in the middle of a field")
        if wire == BYTES:
            yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number at `at`, seven bits a byte, and where the next field begins."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise _MalformedError("a file that ends in the middle of a number")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _MalformedError("a number of more than 64 bits")
