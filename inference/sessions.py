"""ONNX sessions as the engine uses them: one per model, shared by all worker threads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy.typing as npt
import onnxruntime as ort

from parcelscope.datasets.errors import BundleError
from parcelscope.inference.buckets import BucketedSession
from parcelscope.inference.gathering import GatheredSession
from parcelscope.inference.providers import (
    ON_GPU,
    RUNTIME,
    Backend,
    ProviderError,
    cache_folder,
    provider_options,
)

CPU: Final = RUNTIME["cpu"]


class Session(Protocol):
    """What detectors need of a model that is ready to run; safe to call from several threads."""

    def run(self, names: Sequence[str], feeds: dict[str, npt.NDArray[Any]]) -> list[Any]:
        """The outputs `names` for a batch."""

    def get_inputs(self) -> list[Any]:
        """Name, type and shape of each input."""

    def get_outputs(self) -> list[Any]:
        """Name, type and shape of each output."""


def open_session(path: Path, *, threads: int = 1, optimised: bool = True) -> ort.InferenceSession:
    """The model in `path` on the CPU, ready to be called from several threads at once.

    One call uses `threads` threads. With the default of one, N callers share one copy of the
    weights and reach the throughput of N sessions. Without `optimised`, the graph runs node by node
    as it was exported: three times slower, and what the optimised one is compared with.

    Raises:
        BundleError: If the runtime cannot load the file, or would run it elsewhere than asked.
    """
    options = session_options(threads)
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = ort.InferenceSession(str(path), sess_options=options, providers=[CPU])
    except Exception as error:  # the runtime's errors have no common class below Exception
        raise BundleError(f"{path}: expected an ONNX model, got: {first_line(error)}") from error
    chosen = session.get_providers()
    if chosen != [CPU]:
        # Another provider may compute at a lower precision: the scores would drift unnoticed.
        raise BundleError(f"{path}: expected the model to run on {CPU}, got {chosen}")
    return session


def open_on(backend: Backend, path: Path, *, threads: int = 1) -> Session:
    """The model in `path` on `backend`; what it answers has not been compared with the CPU's yet.

    Raises:
        ProviderError: If the provider does not take the model.
        BundleError: As `open_session` does.
    """
    if backend.name == "cpu":
        session = open_session(path, threads=threads)
        return _gathered(session, backend, device="cpu") if backend.gather else session
    # The shape is asked of the CPU, which also tells a broken model from a refusing provider.
    shape = tuple(open_session(path, optimised=False).get_inputs()[0].shape[1:])
    options = session_options(threads)
    cache = cache_folder(backend, path)
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
    told = provider_options(backend, shape, cache)
    try:
        if backend.devices:
            options.add_provider_for_devices(list(backend.devices), told)
            opened = ort.InferenceSession(str(path), sess_options=options)
        else:
            providers: list[Any] = [(backend.runtime, told), CPU]
            opened = ort.InferenceSession(str(path), sess_options=options, providers=providers)
    except Exception as error:  # the runtime's errors have no common class below Exception
        raise ProviderError(
            f"provider {backend.name}: does not take {path.name}: {first_line(error)}"
        ) from error
    chosen = opened.get_providers()
    if chosen[:1] != [backend.runtime]:
        # A library that is missing beside the runtime is only logged, and the CPU computes instead.
        raise ProviderError(
            f"provider {backend.name}: expected {path.name} to run on {backend.runtime},"
            f" got {' and '.join(chosen)}"
        )
    if backend.gather:
        return _gathered(opened, backend, device="cuda" if backend.name in ON_GPU else "cpu")
    return BucketedSession(opened, device="cuda") if backend.name in ON_GPU else opened


def _gathered(session: ort.InferenceSession, backend: Backend, *, device: str) -> Session:
    return GatheredSession(BucketedSession(session, device=device), callers=backend.callers)


def ungathered(session: Session) -> Session:
    """`session` for a caller that is alone: without waiting for others."""
    return session.session if isinstance(session, GatheredSession) else session


def session_options(threads: int) -> ort.SessionOptions:
    """Options that every session has, whatever it runs on."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Idle runtime threads that spin take the cores from decoding: on two cores that alone ate the
    # whole gain of decoding beside inference (15 instead of 24 parcels per second).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # a warning on standard error would break a progress bar
    return options


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its class where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
