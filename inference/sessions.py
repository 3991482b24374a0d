"""ONNX sessions as the engine uses them: one per model, shared by all worker threads."""

from pathlib import Path
from typing import Final

import onnxruntime as ort

from parcelscope.datasets.errors import BundleError

PROVIDER: Final = "CPUExecutionProvider"


def open_session(path: Path, *, threads: int = 1) -> ort.InferenceSession:
    """The model in `path` on the CPU, ready to be called from several threads at once.

    One call uses `threads` threads. With the default of one, N callers share one copy of the
    weights and reach the throughput of N sessions.

    Raises:
        BundleError: If the runtime cannot load the file, or would run it elsewhere than asked.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Idle runtime threads that spin take the cores from decoding: on two cores that alone ate the
    # whole gain of decoding beside inference (15 instead of 24 parcels per second).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # a warning on standard error would break a progress bar
    try:
        session = ort.InferenceSession(str(path), sess_options=options, providers=[PROVIDER])
    except Exception as error:  # the runtime's errors have no common class below Exception
        raise BundleError(f"{path}: expected an ONNX model, got: {first_line(error)}") from error
    chosen = session.get_providers()
    if chosen != [PROVIDER]:
        # Another provider may compute at a lower precision: the scores would drift unnoticed.
        raise BundleError(f"{path}: expected the model to run on {PROVIDER}, got {chosen}")
    return session


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its class where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
