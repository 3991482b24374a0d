import pytest
import torch

from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap_lite0 import BLOCKS, HeatmapLite0
from parcelscope.models.heatmap_network import Stride

SCANS = {
    "dual": torch.randint(2000, 60000, (2, 2, 64, 96), dtype=torch.int32),
    "colour": torch.randint(0, 255, (2, 3, 64, 96), dtype=torch.uint8),
}


@pytest.mark.parametrize("kind", ["dual", "colour"])
@pytest.mark.parametrize("stride_px", [4, 8])
def test_maps_have_a_cell_per_stride(kind: InputKind, stride_px: Stride) -> None:
    network = HeatmapLite0(3, kind, stride_px=stride_px).eval()
    with torch.no_grad():
        maps = network(SCANS[kind])
    h, w = 64 // stride_px, 96 // stride_px
    assert maps.heat_logit.shape == (2, 3, h, w)
    assert maps.size.shape == maps.offset.shape == (2, 2, h, w)
    assert maps.density.shape == (2, 1, h, w)
    assert float(maps.size.min()) > 0


@pytest.mark.parametrize(
    ("first", "learns"),
    [
        pytest.param(0, True, id="all"),
        pytest.param(5, True, id="upper blocks"),
        pytest.param(BLOCKS, False, id="none"),
    ],
)
def test_blocks_below_the_first_stay_as_they_are(first: int, learns: bool) -> None:
    network = HeatmapLite0(1, "colour", train_from_block=first).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    maps = network(SCANS["colour"])
    (maps.heat_logit.sum() + maps.size.sum()).backward()
    after = network.state_dict()
    moved = {
        int(name.split(".")[1])
        for name in after
        if name.startswith("blocks.") and not torch.equal(before[name], after[name])
    }
    assert moved == set(range(first, BLOCKS))  # running statistics move while learning
    assert bool(network.backbone_parameters()) == learns
    assert all(parameter.grad is not None for parameter in network.head_parameters())
    held = {id(p) for p in (*network.backbone_parameters(), *network.head_parameters())}
    assert held == {id(p) for p in network.parameters() if p.requires_grad}
