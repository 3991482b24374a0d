"""What one training step and one inference cost: plain or depthwise convolutions, float32 or bf16.

    python benchmarks/network_training.py [--threads 1]

Steps over whole canvases of 256 x 192 and, in float32 and channels_last, over windows of 128 x 128.
The plain network is the one that ships; the depthwise one has inverted residuals of the same widths
and depths. Ratios carry over between machines better than milliseconds do.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from parcelscope.models import heatmap_network
from parcelscope.models.heatmap_network import ExportedHeatmap, HeatmapNetwork

BATCH, HEIGHT, WIDTH = 16, 192, 256
WHOLE_HW, WINDOW_HW = (HEIGHT, WIDTH), (128, 128)


class InvertedResidual(nn.Module):
    """1 x 1 up, 5 x 5 depthwise, 1 x 1 down: the usual block of mobile networks."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        wide = 2 * inputs
        self.body = nn.Sequential(
            nn.Conv2d(inputs, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.Conv2d(wide, wide, 5, stride, 2, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', h / stride, w / stride)."""
        y: Tensor = self.body(x)
        return x + y if self.same else y


def depthwise() -> HeatmapNetwork:
    """The network with every 3 x 3 convolution but the stem replaced by an inverted residual."""
    network = HeatmapNetwork(10, "dual")
    pairs = zip(heatmap_network.WIDTHS, heatmap_network.WIDTHS[1:], strict=False)
    network.down = nn.ModuleList(
        nn.Sequential(
            InvertedResidual(a, b, 2), *(InvertedResidual(b, b) for _ in range(depth - 1))
        )
        for (a, b), depth in zip(pairs, heatmap_network.DEPTHS, strict=True)
    )
    network.smooth = nn.ModuleList(InvertedResidual(c, c) for c in heatmap_network.LATERAL[:-1])
    network.head[0] = InvertedResidual(heatmap_network.LATERAL[0], 64)
    return network


def train_ms(
    network: HeatmapNetwork, *, bf16: bool, channels_last: bool, size_hw: tuple[int, int] = WHOLE_HW
) -> float:
    """Milliseconds of CPU time per scan of one step, the best of three."""
    if channels_last:
        network.to(memory_format=torch.channels_last)
    network.train()
    optimiser = torch.optim.AdamW(network.parameters())
    scan = torch.randint(1000, 60000, (BATCH, 2, *size_hw), dtype=torch.int32)
    best = float("inf")
    for _ in range(4):
        start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            maps = network(scan)
        loss = maps.heat_logit.float().square().mean() + maps.size.float().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        best = min(best, time.process_time() - start)
    return best / BATCH * 1e3


def infer_ms(network: HeatmapNetwork) -> float:
    """Milliseconds of CPU time per scan in onnxruntime on one thread, the best of five."""
    module = ExportedHeatmap(network.eval(), with_count=False)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        example = torch.zeros((2, 2, HEIGHT, WIDTH), dtype=torch.uint16)
        batch = ({0: torch.export.Dim("batch")},)
        torch.onnx.export(
            module, (example,), str(path), input_names=["scan"], dynamic_shapes=batch,
            opset_version=18, external_data=False, verbose=False,
        )  # fmt: skip
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    scan = np.random.default_rng(0).integers(1000, 60000, (8, 2, HEIGHT, WIDTH)).astype(np.uint16)
    best = float("inf")
    for _ in range(6):
        start = time.process_time()
        session.run(None, {"scan": scan})
        best = min(best, time.process_time() - start)
    return best / len(scan) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    makers: dict[str, Callable[[], HeatmapNetwork]] = {
        "plain": lambda: HeatmapNetwork(10, "dual"),
        "depthwise": depthwise,
    }
    print(f"{'network':<10} {'parameters':>10} {'training, CPU ms per scan':>72} {'inference':>10}")
    for name, make in makers.items():
        timings = {
            "float32": train_ms(make(), bf16=False, channels_last=False),
            "float32 channels_last": train_ms(make(), bf16=False, channels_last=True),
            "window": train_ms(make(), bf16=False, channels_last=True, size_hw=WINDOW_HW),
            "bf16 channels_last": train_ms(make(), bf16=True, channels_last=True),
        }
        shown = ", ".join(f"{key} {value:.0f}" for key, value in timings.items())
        count = sum(p.numel() for p in make().parameters())
        print(f"{name:<10} {count:>10,} {shown:>72} {infer_ms(make()):>7.1f} ms")


if __name__ == "__main__":
    main()
