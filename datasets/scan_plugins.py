"""Formats of scan files that other packages add, and the one list of all formats.

A package adds a format by an entry point of the group `parcelscope.scan_formats` that leads to a
`ScanFormat`. What is wrong with a plug-in is told of the files that need it, by its name: a feed
without such files does not meet it.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Final, TypeVar

import numpy as np

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import read_header
from parcelscope.datasets.scan_formats import BUILT_IN, START_BYTES, ScanContent, ScanFormat

T = TypeVar("T")
GROUP: Final = "parcelscope.scan_formats"
BROKEN: Final = "format_plugin"
"""Code of what a plug-in is to blame for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """An installed plug-in."""

    name: str
    """Of its entry point."""
    package: str
    """Name and version of the package that it came with."""
    format: ScanFormat | None
    """None where it could not be had."""
    fault: str | None = None
    """Why not."""

    @property
    def words(self) -> str:
        """`scan format uff of parcelscope-uff 1.0`."""
        return f"scan format {self.name} of {self.package}"


@functools.cache
def plugins() -> tuple[Plugin, ...]:
    """The installed plug-ins by name, each loaded once in a process."""
    return tuple(_loaded(point) for point in _entry_points())


def plugin_versions() -> dict[str, str]:
    """Package and version of each installed plug-in by its name, none of them loaded."""
    return {point.name: _package(point) for point in _entry_points()}


def scan_suffixes() -> tuple[str, ...]:
    """How names of scan files may end."""
    found = [plugin.format for plugin in plugins() if plugin.format is not None]
    return tuple(suffix for one in (*BUILT_IN, *found) for suffix in one.suffixes)


def read_content(data: bytes, pixel_cap: int) -> ScanContent:
    """What the scan file with the content `data` holds, in whatever format it is.

    Raises:
        ImageError: If it cannot be read; `format_plugin` where a plug-in is to blame.
    """
    start = data[:START_BYTES]
    for built_in in BUILT_IN:
        if built_in.recognises(start):
            return built_in.read(data, pixel_cap)
    known = plugins()
    for plugin in known:
        if plugin.format is not None and _recognises(plugin, plugin.format, start):
            return _read(plugin, plugin.format, data, pixel_cap)
    try:
        read_header(data)
    except ImageError as error:
        broken = [f"{plugin.words}: {plugin.fault}" for plugin in known if plugin.fault]
        if broken and error.code == "not_an_image":
            # One of them may have known the file.
            raise ImageError(BROKEN, f"{error}; {'; '.join(broken)}") from None
        raise
    raise ImageError("not_an_image", "expected a scan, got a file of no known format")


def _entry_points() -> Iterator[metadata.EntryPoint]:
    return iter(sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name))


def _package(point: metadata.EntryPoint) -> str:
    return "an unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"


def _loaded(point: metadata.EntryPoint) -> Plugin:
    package = _package(point)
    try:
        found = point.load()
    # Other people's code is run here, which may raise what it likes. It must cost the files of
    # its format, not a run.
    except (Exception, SystemExit) as error:
        fault = f"cannot be loaded: {_told(error)}"
        return Plugin(name=point.name, package=package, format=None, fault=fault)
    if not isinstance(found, ScanFormat):
        fault = f"expected {point.value} to be a ScanFormat, got {type(found).__name__}"
        return Plugin(name=point.name, package=package, format=None, fault=fault)
    return Plugin(name=point.name, package=package, format=found)


def _recognises(plugin: Plugin, format_: ScanFormat, start: bytes) -> bool:
    return bool(_guarded(plugin, lambda: format_.recognises(start)))


def _read(plugin: Plugin, format_: ScanFormat, data: bytes, pixel_cap: int) -> ScanContent:
    """What the plug-in reads, after a look at it."""
    content = _guarded(plugin, lambda: format_.read(data, pixel_cap))
    fault = _fault(content, pixel_cap)
    if fault is not None:
        raise ImageError(BROKEN, f"{plugin.words}: expected {fault}")
    return content


def _guarded(plugin: Plugin, work: Callable[[], T]) -> T:
    try:
        return work()
    except ImageError:
        raise
    except (Exception, SystemExit) as error:  # as in `_loaded`
        raise ImageError(BROKEN, f"{plugin.words}: {_told(error)}") from error


def _fault(content: object, pixel_cap: int) -> str | None:
    """What `content` is expected to be and is not."""
    if not isinstance(content, ScanContent):
        return f"a ScanContent, got {type(content).__name__}"
    planes, rgb = content.planes, content.rgb
    if (rgb is None) == (not planes) or len(planes) > 2:
        return f"one or two planes, or rgb; got {len(planes)} and {'no ' * (rgb is None)}rgb"
    for plane in planes:
        if not isinstance(plane, np.ndarray) or plane.dtype != np.uint16 or plane.ndim != 2:
            return f"planes to be uint16 (H, W), got {_form(plane)}"
    if rgb is not None and not (
        isinstance(rgb, np.ndarray) and rgb.dtype == np.uint8 and rgb.shape[2:] == (3,)
    ):
        return f"rgb to be uint8 (H, W, 3), got {_form(rgb)}"
    pixels = sum(plane.size for plane in planes) + (0 if rgb is None else rgb.size // 3)
    if not 0 < pixels <= pixel_cap:
        return f"1 to {pixel_cap} pixels, got {pixels}"
    if content.energy not in (None, "low", "high"):
        return f"energy to be low, high or None, got {content.energy!r}"
    pitch_mm = content.pixel_pitch_mm
    if pitch_mm is not None and not (isinstance(pitch_mm, int | float) and 0 < pitch_mm < 100):
        return f"pixel_pitch_mm to be above 0 and below 100, got {pitch_mm!r}"
    return None


def _form(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return type(value).__name__


def _told(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
