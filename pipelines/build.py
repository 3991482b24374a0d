"""`parcelscope bundle build`: a bundle from nothing, with a line of progress now and then."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from parcelscope.datasets.errors import ConfigError
from parcelscope.models.bundle import Bundle
from parcelscope.training.build import build_bundle
from parcelscope.training.recipe import RECIPES

LINE_EVERY_S = 15.0


@dataclass(slots=True)
class Lines:
    """Progress as lines on standard error: two processes write them, which a live bar cannot."""

    last_s: dict[str, float] = field(default_factory=dict)

    def __call__(self, step: str, done: int, total: int) -> None:
        """Say where `step` is, unless it was said a moment ago."""
        name = step.split(" (")[0]
        now_s = time.monotonic()
        if done < total and now_s - self.last_s.get(name, 0.0) < LINE_EVERY_S:
            return
        self.last_s[name] = now_s
        print(
            f"{time.strftime('%H:%M:%S')}  {step}: {done} of {total}", file=sys.stderr, flush=True
        )


def build(recipe: str, *, work: Path, out: Path) -> Bundle:
    """Build the bundle of the recipe named `recipe`.

    Raises:
        ConfigError: If there is no such recipe.
    """
    if recipe not in RECIPES:
        raise ConfigError(f"no recipe {recipe!r}; known: {', '.join(sorted(RECIPES))}")
    return build_bundle(RECIPES[recipe], work=work, out=out, report=Lines())
