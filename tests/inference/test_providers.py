"""Providers: what is asked for by name is taken or refused, and none is taken untested."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.inference.detectors import load_detectors
from parcelscope.inference.providers import (
    BUCKETS,
    CPU_CHOICE,
    ORDER,
    PRECISIONS,
    Backend,
    ProviderChoice,
    ProviderError,
    ProviderName,
    cache_folder,
    default_cache,
    find_backend,
    provider_options,
)
from parcelscope.inference.self_test import (
    GOLDEN_BATCH,
    TOLERANCE,
    accept,
    difference,
    first_accepted,
    golden_batch,
)
from parcelscope.inference.sessions import open_on, open_session
from parcelscope.models.bundle import Bundle

HAS_PLUGIN = importlib.util.find_spec("onnxruntime_ep_openvino") is not None


def backend(name: ProviderName, **changes: object) -> Backend:
    plain = Backend(name=name, precision=PRECISIONS[name][0], version="1")
    return replace(plain, **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundle")


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return write_tiny_bundle(folder)


@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_a_provider_asked_for_by_name_is_refused_where_it_is_absent(
    bundle: Bundle, folder: Path, name: ProviderName
) -> None:
    if len(ort.get_available_providers()) > 2:
        pytest.skip("this runtime was built for a GPU")
    with pytest.raises(ProviderError, match=rf"provider {name}: not in the installed onnxruntime"):
        load_detectors(bundle, folder, choice=ProviderChoice(asked=name))


def test_openvino_is_refused_where_its_plug_in_is_not_installed(
    bundle: Bundle, folder: Path
) -> None:
    if HAS_PLUGIN:
        pytest.skip("onnxruntime-ep-openvino is installed here")
    with pytest.raises(ProviderError, match=r"install parcelscope\[openvino\]"):
        load_detectors(bundle, folder, choice=ProviderChoice(asked="openvino"))


def test_auto_takes_the_first_that_passes_and_says_why_not_the_others(
    bundle: Bundle, folder: Path
) -> None:
    card = load_detectors(bundle, folder, choice=ProviderChoice(asked="auto")).provider
    assert len(card.refused) == ORDER.index(card.name)
    for name, reason in zip(ORDER, card.refused, strict=False):
        assert reason.startswith(f"provider {name}: ")


def test_the_cpu_is_what_others_are_compared_with(bundle: Bundle, folder: Path) -> None:
    card = load_detectors(bundle, folder).provider
    assert (card.name, card.runtime, card.precision) == ("cpu", "CPUExecutionProvider", "fp32")
    assert card.version == ort.__version__
    assert card.difference is None


def test_the_cpu_passes_the_test_against_the_graph_as_it_was_exported(
    bundle: Bundle, folder: Path
) -> None:
    card = load_detectors(bundle, folder, choice=replace(CPU_CHOICE, test_cpu=True)).provider
    assert set(card.by_model) == {detector.file for detector in bundle.detectors}
    assert card.difference is not None
    assert card.difference < TOLERANCE["fp32"] == card.tolerance


@pytest.mark.parametrize(
    ("asked", "precision", "sentence"),
    [
        ("cpu", "bf16", "--precision for provider cpu must be fp32, got bf16"),
        ("openvino", "fp16", "--precision for provider openvino must be fp32 or bf16, got fp16"),
    ],
)
def test_a_precision_that_a_provider_does_not_have_is_refused(
    asked: ProviderName, precision: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        ProviderChoice(asked=asked, precision=precision).candidates()  # type: ignore[arg-type]


def test_auto_tries_only_providers_that_have_the_precision() -> None:
    assert ProviderChoice(asked="auto", precision="bf16").candidates() == ("openvino",)


def test_answers_that_differ_too_much_refuse_the_provider_and_name_the_model() -> None:
    sentence = "failed its self-test at fp32: b.onnx must answer like the CPU within 0.001"
    with pytest.raises(ProviderError, match=sentence):
        accept(backend("openvino"), {"a.onnx": 1e-6, "b.onnx": 2.5e-2})


@pytest.mark.parametrize("difference", [np.inf, np.nan])
def test_answers_that_are_no_numbers_refuse_the_provider(difference: float) -> None:
    with pytest.raises(ProviderError, match="failed its self-test"):
        accept(backend("cuda"), {"a.onnx": difference})


@pytest.mark.parametrize(
    ("found", "effective"),
    [
        pytest.param(1e-2, "bf16", id="answers as coarse as bfloat16"),
        pytest.param(1e-6, "fp32", id="a processor without bfloat16"),
    ],
)
def test_the_precision_written_down_is_that_of_the_answers(found: float, effective: str) -> None:
    card = accept(backend("openvino", precision="bf16"), {"a.onnx": found})
    assert (card.precision, card.asked_precision) == (effective, "bf16")


def test_even_the_last_provider_is_not_taken_when_it_fails_its_test() -> None:
    def load(tried: Backend) -> tuple[str, dict[str, float]]:
        return tried.name, {"a.onnx": 1.0}

    with pytest.raises(ProviderError, match="provider cpu: failed"):
        first_accepted(ProviderChoice(asked="cpu"), load)


def test_a_broken_model_is_no_fault_of_the_provider(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path, kinds=("dual",), detectors=("xray.items",))
    (tmp_path / bundle.detectors[0].file).write_bytes(b"nothing")
    with pytest.raises(BundleError, match="expected an ONNX model"):
        load_detectors(bundle, tmp_path, choice=ProviderChoice(asked="auto"))


def test_a_provider_that_leaves_the_model_to_the_cpu_is_refused(
    bundle: Bundle, folder: Path, recwarn: pytest.WarningsRecorder
) -> None:
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this runtime has CUDA")
    # The runtime only warns of a provider that it does not have, and takes the CPU.
    with pytest.raises(ProviderError, match="to run on CUDAExecutionProvider, got CPU"):
        open_on(backend("cuda"), folder / bundle.detectors[0].file)


@pytest.mark.parametrize("channels", [2, 3])
def test_golden_pictures_are_always_the_same_and_never_flat(channels: int) -> None:
    batch = golden_batch(channels, 48, 64)
    np.testing.assert_array_equal(batch, golden_batch(channels, 48, 64))
    assert batch.shape == (GOLDEN_BATCH, channels, 48, 64)
    assert batch.shape[0] not in BUCKETS
    assert (batch.std(axis=(2, 3)) > 0.05 * batch.max()).all()


def test_a_model_in_coarser_numbers_is_told_from_the_exact_one(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path, kinds=("dual",), detectors=("xray.anomaly",))
    card = bundle.detectors[0]
    coarse = tmp_path / "coarse.onnx"
    model = onnx.load(tmp_path / card.file)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32:  # 2 % off, as weights rounded to bfloat16 may be
            tensor.CopyFrom(
                numpy_helper.from_array((values * 1.02).astype(np.float32), tensor.name)
            )
    onnx.save(model, coarse)
    batch = {"scan": golden_batch(2, card.height_px, card.width_px)}
    exact, off = (
        open_session(path).run(["score"], batch)[0] for path in (tmp_path / card.file, coarse)
    )
    assert difference("score", exact, exact) == 0
    assert difference("score", off, exact) > TOLERANCE["fp32"]


def peaks(*cells: tuple[int, int, float]) -> np.ndarray:
    grid = np.zeros((1, 1, 8, 8), np.float32)
    for row, column, height in cells:
        grid[0, 0, row, column] = height
    return grid


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(((2, 2, 0.9),), 0.0, id="the same"),
        pytest.param(((2, 3, 0.9),), 0.0, id="a tie that the neighbour won"),
        pytest.param(((2, 2, 0.9), (2, 3, 0.9)), 0.0, id="a tie that both won"),
        pytest.param(((2, 2, 0.9), (6, 6, 0.04)), 0.0, id="one too low to be reported"),
        pytest.param(((2, 2, 0.5),), 0.4, id="a lower peak"),
        pytest.param((), 0.9, id="no peak"),
        pytest.param(((2, 2, 0.9), (6, 6, 0.7)), 0.7, id="a peak too many"),
        pytest.param(((2, 5, 0.9),), 0.9, id="a peak in another place"),
    ],
)
def test_a_peak_may_move_by_one_cell_but_not_vanish(
    found: tuple[tuple[int, int, float], ...], expected: float
) -> None:
    off = difference("peaks", peaks(*found), peaks((2, 2, 0.9)))
    assert off == pytest.approx(expected, abs=1e-6)


def test_other_outputs_are_compared_cell_by_cell() -> None:
    off = difference("map", peaks((2, 3, 0.9)), peaks((2, 2, 0.9)))
    assert off == pytest.approx(0.9)
    assert difference("map", peaks(), peaks()[:, :, 1:]) == np.inf


def test_openvino_is_told_its_precision_in_the_only_way_that_it_hears() -> None:
    told = provider_options(backend("openvino", callers=2), (2, 48, 64), Path("/cache"))
    assert set(told) == {"load_config"}
    assert json.loads(told["load_config"]) == {
        "CPU": {
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": "2",
            "INFERENCE_NUM_THREADS": "2",
            "CACHE_DIR": "/cache",
        }
    }


def test_tensorrt_gets_a_profile_that_covers_every_batch_size() -> None:
    told = provider_options(backend("tensorrt"), (2, 48, 64))
    assert told["trt_profile_min_shapes"] == f"scan:{min(BUCKETS)}x2x48x64"
    assert told["trt_profile_max_shapes"] == f"scan:{max(BUCKETS)}x2x48x64"
    assert told["trt_fp16_enable"] == "1"
    assert "trt_engine_cache_path" not in told


def test_cuda_is_kept_from_tf32() -> None:
    assert provider_options(backend("cuda"), (2, 48, 64))["use_tf32"] == "0"


def test_what_is_built_from_a_model_is_kept_by_its_content(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "m.onnx", tmp_path / "b" / "m.onnx"
    for path in (one, two):
        path.parent.mkdir()
        path.write_bytes(str(path).encode())
    kept = backend("tensorrt", cache=tmp_path)
    assert cache_folder(kept, one) != cache_folder(kept, two)
    assert cache_folder(kept, one) != cache_folder(replace(kept, version="2"), one)
    assert cache_folder(backend("tensorrt"), one) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/var/cache/me", Path("/var/cache/me/parcelscope/engines")),
        ("relative", Path.home() / ".cache/parcelscope/engines"),
        ("", Path.home() / ".cache/parcelscope/engines"),
    ],
)
def test_the_cache_lies_where_the_user_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert default_cache() == expected


@pytest.mark.skipif(not HAS_PLUGIN, reason="onnxruntime-ep-openvino is not installed")
def test_openvino_answers_like_the_cpu_or_says_that_it_has_no_device(tmp_path: Path) -> None:
    choice = ProviderChoice(asked="openvino", cache=tmp_path / "cache", callers=2)
    try:
        find_backend("openvino", choice)
    except ProviderError as error:
        if "offers no device here" not in str(error):
            raise
        pytest.skip(str(error))
    bundle = write_tiny_bundle(tmp_path, detectors=("xray.items", "xray.anomaly"))
    card = load_detectors(bundle, tmp_path, choice=choice).provider
    assert (card.name, card.precision, card.asked_precision) == ("openvino", "fp32", "fp32")
    assert set(card.by_model) == {detector.file for detector in bundle.detectors}
    assert any((tmp_path / "cache").rglob("*.blob"))


def test_a_choice_that_was_settled_names_what_was_found(bundle: Bundle, folder: Path) -> None:
    choice = ProviderChoice(asked="auto", callers=3)
    settled = choice.settled(load_detectors(bundle, folder, choice=choice).provider)
    assert settled.asked in ORDER
    assert settled.callers == 3
    assert load_detectors(bundle, folder, choice=settled).provider.refused == ()
