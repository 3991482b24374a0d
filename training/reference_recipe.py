"""What a recipe for genuine references may say. Neither torch nor OpenCV."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from parcelscope.training.part_recipes import STRICT


class ReferenceRecipe(BaseModel):
    """`photo.authenticity`: genuine packaging to compare photos with."""

    model_config = STRICT

    trains: Literal["references"]
    """Which trainer reads this recipe."""
    references: Path | None = None
    """Folder of genuine photos, 5 to 50 for each SKU: `<sku>/*.jpg` or `<brand>/<sku>/*.jpg`; must
    be given."""
    threads: int = Field(default=1, ge=1, le=256)
    """Processor threads, 1 to 256."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Nothing here is drawn; kept beside the other recipes' seeds."""
