"""Versions that decide a score, for `run.json`."""

import platform
from importlib import metadata

from parcelscope.datasets.scan_plugins import plugin_versions

SCORING = (
    "numpy",
    "polars",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-ep-openvino",
    "tensorrt",
    "simplejpeg",
    "Pillow",
    "zxing-cpp",
    "rapidocr",
)
"""Distributions whose version can change a pixel, a score or a code that is read."""


def parcelscope_version() -> str:
    """Version of parcelscope itself."""
    return metadata.version("parcelscope")


def versions() -> dict[str, str]:
    """Versions of all that is installed of `SCORING` and of plug-ins, and the machine's kind."""
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
    return found | {f"scan format {name}": said for name, said in plugin_versions().items()}
