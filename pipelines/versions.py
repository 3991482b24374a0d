"""Versions that decide a score, for `run.json`."""

import platform
from importlib import metadata

SCORING = ("numpy", "polars", "onnxruntime", "onnxruntime-gpu", "simplejpeg", "Pillow", "zxing-cpp")
"""Distributions whose version can change a pixel, a score or a code that is read."""


def parcelscope_version() -> str:
    """Version of parcelscope itself."""
    return metadata.version("parcelscope")


def versions() -> dict[str, str]:
    """Versions of parcelscope, Python, the machine's kind, and what is installed of `SCORING`."""
    found = {
        "parcelscope": parcelscope_version(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    for name in SCORING:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
