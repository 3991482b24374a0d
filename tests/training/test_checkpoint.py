"""Learning that is cut off and goes on, in one process; `test_train.py` kills a real one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from parcelscope.datasets.errors import ConfigError
from parcelscope.training.checkpoint import CheckpointFile
from parcelscope.training.curve import Row
from parcelscope.training.fit import FitSettings, Watch, fit_network

SETTINGS = FitSettings(passes=80, batch=4, learning_rate=0.05, average_over_steps=20, seed=3)
POINTS = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)


class CutOffError(Exception):
    """Stands for whatever ends a process."""


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))


def loss_of(model: nn.Module, rows: np.ndarray, rng: np.random.Generator, _: float) -> Tensor:
    """Chance in it both of numpy (noise) and of torch (dropout)."""
    noisy = POINTS[rows] + rng.normal(0, 0.1, (len(rows), 3)).astype(np.float32)
    wanted = torch.from_numpy(POINTS[rows].sum(1, keepdims=True))
    return ((model(torch.from_numpy(noisy)) - wanted) ** 2).mean()


def evaluate(average: nn.Module) -> Row:
    assert not average.training
    with torch.no_grad():
        return {"mean": float(average(torch.from_numpy(POINTS)).mean())}


def watch(path: Path, *, until: int | None = None, fingerprint: str = "a") -> Watch:
    def progress(step: int, steps: int, loss: float) -> None:
        if step == until:
            raise CutOffError

    return Watch(
        progress=progress,
        checkpoint=CheckpointFile(path=path, fingerprint=fingerprint, every_s=0),
        evaluate=evaluate,
        evaluate_every=6,
    )


def fitted(watching: Watch | None) -> tuple[nn.Module, list[Row]]:
    return fit_network(network(), loss_of, count=len(POINTS), settings=SETTINGS, watch=watching)


@pytest.mark.parametrize("until", [1, 5, 6, 13, 20])
def test_going_on_gives_what_going_through_gives(tmp_path: Path, until: int) -> None:
    through, curve = fitted(watch(tmp_path / "through.pt"))
    with pytest.raises(CutOffError):
        fitted(watch(tmp_path / "cut.pt", until=until))
    torch.manual_seed(99)  # the process that goes on has another past
    again, curve_again = fitted(watch(tmp_path / "cut.pt"))
    assert curve_again == curve
    assert [row["pictures"] for row in curve] == [24, 48, 72, 80]
    ours, theirs = again.state_dict(), through.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_watching_changes_nothing(tmp_path: Path) -> None:
    watched, _ = fitted(watch(tmp_path / "a.pt"))
    alone, _ = fitted(None)
    ours, theirs = watched.state_dict(), alone.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    fitted(watch(tmp_path / "a.pt"))
    with pytest.raises(ConfigError, match=r"made by another recipe or from other data \(a, now b"):
        fitted(watch(tmp_path / "a.pt", fingerprint="b"))


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"half a checkp")
    with pytest.raises(ConfigError, match=r"a.pt: expected a checkpoint of a training"):
        fitted(watch(tmp_path / "a.pt"))


def test_a_rate_per_group_leaves_the_slow_group_where_it_was(tmp_path: Path) -> None:
    model = network()
    first, last = model[0], model[3]
    before = [t.weight.detach().clone() for t in (first, last)]
    groups: list[dict[str, object]] = [
        {"params": list(last.parameters())},
        {"params": list(first.parameters()), "lr": 0.0},
    ]
    fitted_model, _ = fit_network(
        model, loss_of, count=10, settings=replace(SETTINGS, weight_decay=0), groups=groups
    )
    assert torch.equal(fitted_model[0].weight, before[0])
    assert not torch.equal(fitted_model[3].weight, before[1])
