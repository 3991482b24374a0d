"""Where a training stands, on disk: enough to go on as if it had never stopped."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.writing import write_whole
from parcelscope.training.curve import Row


@dataclass(slots=True)
class Standing:
    """How far a training is, besides its weights."""

    step: int = 0
    """Steps done."""
    shown: float = 0.0
    """Running loss."""
    order: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Rows drawn for the coming batches, not shown yet."""
    history: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """All that changes while learning."""

    network: nn.Module
    average: nn.Module
    """Running mean of the weights, which is what is kept."""
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    rng: np.random.Generator
    """Source of batches and augmentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFile:
    """A file that a training saves itself to, and goes on from."""

    path: Path
    fingerprint: str
    """Names recipe and data: a checkpoint of others is refused."""
    every_s: float = 60.0
    """Seconds between two saves at most, beside those after each evaluation."""

    def save(self, learner: Learner, standing: Standing) -> None:
        """Write the state, whole or not at all."""
        state = {
            "fingerprint": self.fingerprint,
            "network": learner.network.state_dict(),
            "average": learner.average.state_dict(),
            "optimiser": learner.optimiser.state_dict(),
            "schedule": learner.schedule.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            # As text: the generator's state holds integers of 128 bits.
            "numpy_rng": json.dumps(learner.rng.bit_generator.state),
            "standing": json.dumps(
                {
                    "step": standing.step,
                    "shown": standing.shown,
                    "order": standing.order.tolist(),
                    "history": standing.history,
                }
            ),
        }
        write_whole(self.path, lambda file: torch.save(state, file))

    def restore(self, learner: Learner) -> Standing:
        """Bring `learner` to where the file says; a fresh `Standing` if there is no file.

        Raises:
            ConfigError: If it is no checkpoint, or that of another recipe or of other data.
        """
        if not self.path.exists():
            return Standing()
        state = self._read()
        learner.network.load_state_dict(state["network"])
        learner.average.load_state_dict(state["average"])
        learner.optimiser.load_state_dict(state["optimiser"])
        learner.schedule.load_state_dict(state["schedule"])
        learner.rng.bit_generator.state = json.loads(state["numpy_rng"])
        torch.set_rng_state(state["torch_rng"])
        if state["cuda_rng"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda_rng"])
        standing = json.loads(state["standing"])
        standing["order"] = np.array(standing["order"], np.int64)
        return Standing(**standing)

    def _read(self) -> dict[str, Any]:
        try:
            # Generator states live on the CPU, and the optimiser moves its own to its weights.
            state: dict[str, Any] = torch.load(self.path, weights_only=True, map_location="cpu")
            found = state["fingerprint"]
        except (RuntimeError, OSError, EOFError, KeyError, TypeError) as error:
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(f"{self.path}: expected a checkpoint of a training: {told}") from None
        if found != self.fingerprint:
            raise ConfigError(
                f"{self.path}: made by another recipe or from other data ({found}, now"
                f" {self.fingerprint}); train into a new folder"
            )
        return state
