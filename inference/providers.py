"""What the models can run on: execution providers, in order of preference, and what they need here.

A provider is *found* here, and *accepted* by `inference/self_test.py` for the models of one bundle:
several compute at a lower precision than they were asked for, and say nothing.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

import onnxruntime as ort
from pydantic import BaseModel

from parcelscope.datasets.errors import ConfigError

ProviderName = Literal["tensorrt", "cuda", "openvino", "cpu"]
Precision = Literal["fp32", "bf16", "fp16"]
Asked = Literal["auto", "tensorrt", "cuda", "openvino", "cpu"]

ORDER: Final[tuple[ProviderName, ...]] = get_args(ProviderName)
"""From the fastest to the one that is always there."""
PRECISIONS: Final[dict[ProviderName, tuple[Precision, ...]]] = {
    "tensorrt": ("fp16", "fp32"),
    "cuda": ("fp32",),
    "openvino": ("fp32", "bf16"),
    "cpu": ("fp32",),
}
"""Precisions of floating-point numbers that each can be asked for, the default first. A model that
was quantised to 8 bits keeps them."""
RUNTIME: Final[dict[ProviderName, str]] = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""The runtime's own names."""
BUCKETS: Final = (1, 8, 32, 64)
"""Batch sizes that a GPU sees; others are padded to the next. Every new size would cost TensorRT an
engine and cuDNN a search."""
ON_GPU: Final[tuple[ProviderName, ...]] = ("tensorrt", "cuda")
OPENVINO_PLUGIN: Final = "onnxruntime_ep_openvino"
OPENVINO_HINT: Final[dict[Precision, str]] = {"fp32": "f32", "bf16": "bf16"}


class ProviderError(ConfigError):
    """A provider is not there, or computes something else than the CPU does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderChoice:
    """What a user asked the models to run on."""

    asked: Asked = "cpu"
    """`auto` takes the first of `ORDER` that is there and passes; a name takes that or refuses."""
    precision: Precision | None = None
    """None for the provider's default."""
    callers: int = 1
    """Threads that will call one session at the same time."""
    cache: Path | None = None
    """Folder for what a provider builds from a model; None builds anew in each process."""
    test_cpu: bool = False
    """Test the CPU as well, against the graphs as they were exported; costs a second or two."""
    gather: bool | None = None
    """Compute the scans of several callers at once; None does where the models run on a GPU."""

    def candidates(self) -> tuple[ProviderName, ...]:
        """The providers to try, best first.

        Raises:
            ConfigError: If the one that was asked for cannot compute at the precision asked for.
        """
        wanted = ORDER if self.asked == "auto" else (self.asked,)
        able = tuple(
            name for name in wanted if self.precision is None or self.precision in PRECISIONS[name]
        )
        if not able:
            known = " or ".join(PRECISIONS[wanted[0]])
            raise ConfigError(
                f"--precision for provider {self.asked} must be {known}, got {self.precision}"
            )
        return able

    @property
    def on_gpu(self) -> bool:
        """Whether it names a provider that keeps a GPU to itself; `auto` names none."""
        return self.asked in ON_GPU

    def may_use_gpu(self) -> bool:
        """Whether it may come to a GPU with the runtime that is installed."""
        there = ort.get_available_providers()
        return any(name in ON_GPU and RUNTIME[name] in there for name in self.candidates())

    def settled(self, card: "ProviderCard") -> "ProviderChoice":
        """The same by name: elsewhere, or with other models, `auto` might find something else."""
        return replace(self, asked=card.name, precision=card.asked_precision)


CPU_CHOICE: Final = ProviderChoice()


def default_cache() -> Path:
    """Folder of this user for what providers build: below `XDG_CACHE_HOME`, or `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME") or ""
    base = Path(root) if Path(root).is_absolute() else Path.home() / ".cache"
    return base / "parcelscope" / "engines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A provider that is there, and how it is to be used."""

    name: ProviderName
    precision: Precision
    """As asked for; what it really computes at is for the self-test to say."""
    version: str
    callers: int = 1
    cache: Path | None = None
    gather: bool = False
    """Whether the batches of several callers are computed as one."""
    devices: tuple[Any, ...] = ()
    """Of a plug-in: the runtime's handles of the devices that it offers."""

    @property
    def runtime(self) -> str:
        """The runtime's own name of the provider."""
        return RUNTIME[self.name]


class ProviderCard(BaseModel, frozen=True, extra="forbid"):
    """What the models of one bundle ran on, as `run.json` keeps it."""

    name: ProviderName
    runtime: str
    version: str
    precision: Precision
    """What it computed at, judged by its answers."""
    asked_precision: Precision
    difference: float | None = None
    """Largest difference from the CPU's answers in the self-test, as a share of the range of an
    output; None for the CPU itself."""
    tolerance: float | None = None
    """Largest difference that would have been accepted."""
    by_model: dict[str, float] = {}
    """Largest difference by model file."""
    refused: tuple[str, ...] = ()
    """Why each provider that comes before it was not taken, where `auto` chose."""


PLAIN_CPU: Final = ProviderCard(
    name="cpu",
    runtime=RUNTIME["cpu"],
    version=str(ort.__version__),
    precision="fp32",
    asked_precision="fp32",
)
"""What sessions run on that nobody asked to run elsewhere."""


def find_backend(name: ProviderName, choice: ProviderChoice) -> Backend:
    """Provider `name` as it can be used on this machine.

    Raises:
        ProviderError: If it is not installed, or finds no device that it can use.
    """
    devices: tuple[Any, ...] = ()
    if name == "openvino":
        devices = _openvino_devices()
        version = importlib.metadata.version("onnxruntime-ep-openvino")
    else:
        version = str(ort.__version__)
        if RUNTIME[name] not in ort.get_available_providers():
            raise ProviderError(
                f"provider {name}: not in the installed onnxruntime {version}, which has"
                f" {', '.join(ort.get_available_providers())};"
                " install parcelscope[gpu] in the place of parcelscope[cpu]"
            )
    return Backend(
        name=name,
        precision=PRECISIONS[name][0] if choice.precision is None else choice.precision,
        version=version,
        callers=choice.callers,
        cache=choice.cache,
        gather=name in ON_GPU if choice.gather is None else choice.gather,
        devices=devices,
    )


def cache_folder(backend: Backend, path: Path) -> Path | None:
    """Where `backend` keeps what it builds from the model at `path`; None where it keeps nothing.

    TensorRT names its engines after the graph, whose weights may be others: the digest parts them.
    """
    if backend.cache is None:
        return None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return backend.cache / f"{backend.name}-{backend.version}" / digest[:16]


def provider_options(
    backend: Backend, shape: tuple[int, ...], cache: Path | None = None
) -> dict[str, str]:
    """What the provider is told for one model.

    Args:
        backend: The provider.
        shape: (C, H, W) of one canvas.
        cache: Folder for what it builds from the model; None builds anew in each process.
    """
    if backend.name == "openvino":
        # The plug-in ignores `precision`, `cache_dir` and the like as options of its own, and
        # computes at bfloat16 where the processor can; only this form reaches the library.
        config = {
            "INFERENCE_PRECISION_HINT": OPENVINO_HINT[backend.precision],
            "NUM_STREAMS": str(backend.callers),
            "INFERENCE_NUM_THREADS": str(backend.callers),
        }
        if cache is not None:
            config["CACHE_DIR"] = str(cache)
        return {"load_config": json.dumps({"CPU": config})}
    if backend.name == "cuda":
        # TF32 keeps 10 bits of the fraction: without this, "fp32" would be nothing of the kind.
        return {"use_tf32": "0", "arena_extend_strategy": "kSameAsRequested"}
    if backend.name == "tensorrt":
        sizes = dict(zip(("min", "opt", "max"), (BUCKETS[0], BUCKETS[2], BUCKETS[-1]), strict=True))
        tensor = "x".join(str(side) for side in shape)
        told = {f"trt_profile_{end}_shapes": f"scan:{size}x{tensor}" for end, size in sizes.items()}
        told["trt_fp16_enable"] = "1" if backend.precision == "fp16" else "0"
        if cache is not None:
            told |= {
                "trt_engine_cache_enable": "1",
                "trt_engine_cache_path": str(cache),
                "trt_timing_cache_enable": "1",
                "trt_timing_cache_path": str(cache),
            }
        return told
    return {}


@functools.cache
def _openvino_library() -> str:
    """Register the plug-in with the runtime, once in a process, and give its name there."""
    plugin = importlib.import_module(OPENVINO_PLUGIN)
    ort.register_execution_provider_library(RUNTIME["openvino"], plugin.get_library_path())
    return RUNTIME["openvino"]


def _openvino_devices() -> tuple[Any, ...]:
    """The processor as the plug-in offers it; graphics and neural units are not asked."""
    if importlib.util.find_spec(OPENVINO_PLUGIN) is None:
        raise ProviderError(
            "provider openvino: the package onnxruntime-ep-openvino is not installed;"
            " install parcelscope[openvino]"
        )
    try:
        name = _openvino_library()
    except Exception as error:  # the runtime's errors have no common class below Exception
        raise ProviderError(f"provider openvino: cannot be loaded: {error}") from error
    devices = tuple(
        device
        for device in ort.get_ep_devices()
        if device.ep_name == name and device.device.type == ort.OrtHardwareDeviceType.CPU
    )
    if not devices:
        raise ProviderError(
            "provider openvino: installed, but it offers no device here;"
            " its plug-in serves Intel processors alone"
        )
    return devices
