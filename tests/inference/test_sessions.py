"""Sessions: what is asked of the runtime, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.inference.tiny_bundle import HEIGHT_PX, WIDTH_PX, write_tiny_bundle

from parcelscope.datasets.errors import BundleError
from parcelscope.inference.sessions import open_session


@pytest.fixture
def model(tmp_path: Path) -> Path:
    bundle = write_tiny_bundle(tmp_path, kinds=("dual",), detectors=("xray.anomaly",))
    return tmp_path / bundle.detectors[0].file


def test_a_session_runs_on_the_cpu_with_one_thread_that_does_not_spin(model: Path) -> None:
    session = open_session(model)
    options = session.get_session_options()
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_one_session_gives_the_same_to_several_threads_as_to_one(model: Path) -> None:
    session = open_session(model)
    scans = np.random.default_rng(0).integers(
        0, 60000, (24, 1, 2, HEIGHT_PX, WIDTH_PX), dtype=np.uint16
    )

    def score(scan: np.ndarray) -> float:
        return float(session.run(["score"], {"scan": scan})[0][0])

    alone = [score(scan) for scan in scans]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(score, scans)) == alone


@pytest.mark.parametrize(
    "content",
    [pytest.param(b"", id="empty"), pytest.param(b"<html>not found</html>", id="web page")],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "items.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"items\.onnx: expected an ONNX model, got: "):
        open_session(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"gone\.onnx: expected an ONNX model"):
        open_session(tmp_path / "gone.onnx")
