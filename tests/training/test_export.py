from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from parcelscope.models.heatmap_network import ExportedHeatmap, HeatmapNetwork
from parcelscope.training.export import OPSET, ParityError, check_parity, export_onnx

NAMES = ("peaks", "size", "offset", "count")


def samples(channels: int) -> np.ndarray:
    high, dtype = (60000, np.uint16) if channels == 2 else (255, np.uint8)
    return np.random.default_rng(0).integers(1, high, (5, channels, 64, 96)).astype(dtype)


@pytest.mark.parametrize("kind", ["dual", "colour"])
def test_the_graph_says_what_the_network_says_at_every_batch(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    network = HeatmapNetwork(2, "dual" if kind == "dual" else "colour").eval()
    path = tmp_path / "network.onnx"
    found = export_onnx(
        ExportedHeatmap(network, with_count=True),
        path,
        kind="dual" if kind == "dual" else "colour",
        height_px=64,
        width_px=96,
        outputs=NAMES,
        samples=samples(2 if kind == "dual" else 3),
    )
    assert set(found) == {"parity_batch_1", "parity_batch_2", "parity_batch_5", "parity_order"}
    model = onnx.load(path, load_external_data=False)
    assert model.opset_import[0].version == OPSET
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert [p.name for p in tmp_path.iterdir()] == ["network.onnx"]
    # The exporter notes source lines with the paths of the machine, which concern nobody else.
    assert b".py" not in path.read_bytes()


class Shifted(nn.Module):
    """A network that says something else than its graph."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, scan: Tensor) -> tuple[Tensor, ...]:
        peaks, size, offset, count = self.inner(scan)
        return peaks, size + 1.0, offset, count


def test_a_graph_that_disagrees_is_refused(tmp_path: Path) -> None:
    exported = ExportedHeatmap(HeatmapNetwork(2, "dual").eval(), with_count=True)
    path = tmp_path / "network.onnx"
    export_onnx(
        exported, path, kind="dual", height_px=64, width_px=96, outputs=NAMES, samples=samples(2)
    )
    with pytest.raises(ParityError, match=r"network\.onnx: parity_batch_1 is .* expected at most"):
        check_parity(Shifted(exported), path, outputs=NAMES, samples=samples(2))
