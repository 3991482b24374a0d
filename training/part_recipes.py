"""What a recipe may say: pydantic models of `configs/training/*.yaml`. No torch.

Unknown keys are errors, so that a typo cannot train the wrong model. Every number has a unit in its
name or its meaning, and a range.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from parcelscope.datasets.canvas import CanvasSpec
from parcelscope.models.bundle import InputKind

END_TO_END = ("yolo26n", "yolo26s")
"""Models of ultralytics with a head that needs no suppression beside one that does."""
COUNTS = ("heatmap", "heatmap_lite0")
"""Architectures that give a count, which `xray.pieces` needs."""
STRICT = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class CanvasOptions(BaseModel):
    """The picture that the network sees."""

    model_config = STRICT

    width_px: int = Field(default=256, ge=64, le=2048, multiple_of=32)
    """Width, 64 to 2048 pixels in steps of 32."""
    height_px: int = Field(default=192, ge=64, le=2048, multiple_of=32)
    """Height, 64 to 2048 pixels in steps of 32."""
    mm_per_px: float | None = Field(default=2.0, gt=0, le=20)
    """Scale of scans whose pitch is known, up to 20 mm; null: the content always fills it."""

    def spec(self) -> CanvasSpec:
        """The canvas in the words of `datasets/canvas.py`."""
        return CanvasSpec(
            width_px=self.width_px, height_px=self.height_px, mm_per_px=self.mm_per_px
        )


class DataOptions(BaseModel):
    """Where the scans come from: generated, unless a folder is given."""

    model_config = STRICT

    folder: Path | None = None
    """An annotated set, as `parcelscope dataset import` writes it; null: generated scans."""
    train: int = Field(default=4500, ge=2, le=1_000_000)
    """Generated scans to learn from, 2 or more."""
    val: int = Field(default=400, ge=1, le=100_000)
    """Generated scans to draw the learning curve on, 1 or more."""
    calibration: int = Field(default=900, ge=0, le=100_000)
    """Generated compliant scans, or cartons, for p-values and intervals, 0 or more."""
    most: int | None = Field(default=None, ge=1, le=100_000_000)
    """Scans taken of each split of a folder at most, 1 or more; null: all."""
    projected: int = Field(default=0, ge=0, le=1_000_000)
    """Scans added to those of split train: some of them again, with generated items projected into
    them, 0 or more; dual energy only."""
    projected_most: int = Field(default=2, ge=1, le=10)
    """Items projected into one scan at most, 1 to 10."""
    projected_specimens: int = Field(default=12, ge=1, le=1000)
    """Different specimens drawn of every item, 1 to 1000."""
    calibration_folder: Path | None = None
    """Annotated set of the facility's own compliant scans; null: those of `folder` in split val."""
    cache: Path | None = None
    """Folder that generated scans are kept in, to be shared by recipes; null: the work folder."""


class FitOptions(BaseModel):
    """How long and how fast to learn."""

    model_config = STRICT

    passes: int = Field(default=52_000, ge=1, le=100_000_000)
    """Pictures shown in all, repeats counted, 1 or more."""
    batch: int = Field(default=16, ge=1, le=1024)
    """Pictures in one step, 1 to 1024."""
    learning_rate: float = Field(default=2.5e-3, gt=0, le=1)
    """Highest learning rate, above 0 and at most 1; warmed up, then half a cosine to zero."""
    weight_decay: float = Field(default=0.03, ge=0, le=1)
    """Share of each weight that is taken back, times the rate, 0 to 1."""
    average_over_steps: float = Field(default=300.0, ge=5, le=100_000)
    """Span of the running mean of the weights, 5 steps or more; the mean is what is kept."""
    stacked: float = Field(default=0.3, ge=0, le=1)
    """Share of pictures that are two scans, one upon the other, 0 to 1."""
    window_px: int | None = Field(default=None, ge=64, le=2048, multiple_of=32)
    """Side of the square windows, mostly over an item, that are shown instead of whole pictures, 64
    to 2048 pixels in steps of 32: under half the cost where the canvas is mostly empty. Null:
    whole pictures."""
    whole_share: float = Field(default=0.15, ge=0, le=1)
    """Share of the passes, the last ones, that show whole pictures all the same, 0 to 1."""
    count_weight: float = Field(default=0.0, ge=0, le=10)
    """Weight of the count in the loss, 0 (does not count) to 10."""
    validate_every: int = Field(default=4000, ge=1)
    """Pictures shown between two points of the learning curve, 1 or more."""
    checkpoint_every_s: float = Field(default=60.0, ge=0, le=86_400)
    """Seconds between two saves, 0 (after each step) to a day."""
    threads: int = Field(default=1, ge=1, le=256)
    """Processor threads, 1 to 256; another number gives weights that differ by rounding."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to learn."""
    bfloat16: bool = False
    """Whether convolutions run in 16 bits: faster where the processor has them, less exact."""


class CalibrationOptions(BaseModel):
    """What the card promises."""

    model_config = STRICT

    alarm_share: float = Field(default=0.004, gt=0, lt=0.5)
    """Share of compliant scans that may reach a class's threshold, above 0 and below 0.5."""
    coverage: float = Field(default=0.96, gt=0.5, lt=1)
    """Share of cartons whose count must lie inside its interval, above 0.5 and below 1."""


class HeatmapOptions(BaseModel):
    """The compact network, learned from scratch."""

    model_config = STRICT

    stride_px: Literal[4, 8] = 4
    """Canvas pixels per cell of the grid: 8 for large things told apart by fine lines."""


class HeatmapLite0Options(BaseModel):
    """The same head on EfficientNet-lite0, which learned from ImageNet."""

    model_config = STRICT

    stride_px: Literal[4, 8] = 4
    """Canvas pixels per cell of the grid."""
    train_from_block: int = Field(default=5, ge=0, le=16)
    """Blocks below this one of 0 to 15 stay as ImageNet left them; 16 freezes all."""
    backbone_rate: float = Field(default=0.2, ge=0, le=1)
    """Learning rate of the blocks that learn, as a share of the head's, 0 to 1."""


class SsdliteOptions(BaseModel):
    """torchvision's ssdlite320_mobilenet_v3_large, on our canvas."""

    model_config = STRICT

    backbone: Path | None = None
    """ImageNet weights of torchvision's mobilenet_v3_large, a local file; null: from scratch."""
    most_overlap: float = Field(default=0.55, gt=0, le=1)
    """Intersection over union above which two boxes of one class are one, up to 1."""


class YoloOptions(BaseModel):
    """A YOLO of ultralytics, built from its description; its licence is AGPL-3.0."""

    model_config = STRICT

    model: Literal["yolo26n", "yolo26s", "yolo11n", "yolo11s"] = "yolo26n"
    """Which one; nothing is downloaded."""
    end_to_end: bool | None = None
    """Export the head that says each thing once; null: wherever there is one, as in yolo26."""
    most_overlap: float = Field(default=0.7, gt=0, le=1)
    """Intersection over union above which two boxes of one class are one, where the head is not
    end to end, up to 1."""

    @property
    def says_once(self) -> bool:
        """Whether the exported head is end to end."""
        has = self.model in END_TO_END
        return has if self.end_to_end is None else self.end_to_end

    @model_validator(mode="after")
    def _has_the_head(self) -> Self:
        if self.end_to_end and self.model not in END_TO_END:
            raise ValueError(
                f"yolo.end_to_end must be false or null for {self.model}, whose only head needs"
                f" suppression; {' and '.join(END_TO_END)} have both"
            )
        return self


class DetectorRecipe(BaseModel):
    """One detector that draws boxes: `xray.items` or `xray.pieces`."""

    model_config = STRICT

    trains: Literal["detector"]
    """Which trainer reads this recipe."""
    detector: Literal["xray.items", "xray.pieces"]
    """What the part will be in a bundle."""
    input: InputKind
    """`dual`: low and high energy. `colour`: the renderings of a vendor."""
    architecture: str = "heatmap"
    """The network; its own options stand under its name."""
    canvas: CanvasOptions = CanvasOptions()
    data: DataOptions = DataOptions()
    fit: FitOptions = FitOptions()
    calibration: CalibrationOptions = CalibrationOptions()
    heatmap: HeatmapOptions = HeatmapOptions()
    heatmap_lite0: HeatmapLite0Options = HeatmapLite0Options()
    ssdlite: SsdliteOptions = SsdliteOptions()
    yolo: YoloOptions = YoloOptions()
    half_weights: bool = False
    """Whether large filters are stored in 16 bits: half the file, the same arithmetic in 32."""
    start: Path | None = None
    """`weights.pt` of another training to start from; layers of another shape start afresh."""
    seed: int = Field(default=20261122, ge=0, le=2**31 - 1)
    """The same seed gives the same part, 0 to 2147483647."""

    @model_validator(mode="after")
    def _counts_where_it_must(self) -> Self:
        if self.detector == "xray.pieces" and self.fit.count_weight == 0:
            raise ValueError("fit.count_weight must be above 0 for xray.pieces, which counts")
        coarsest_px = 8 * self.heatmap.stride_px
        sides = (self.canvas.width_px, self.canvas.height_px)
        if self.architecture == "heatmap" and any(side % coarsest_px for side in sides):
            raise ValueError(
                f"canvas must have sides in steps of 8 x heatmap.stride_px, {coarsest_px} pixels,"
                f" got {sides[0]} x {sides[1]}"
            )
        if self.data.projected and (self.detector, self.input) != ("xray.items", "dual"):
            raise ValueError(
                "data.projected must be 0 unless xray.items learns from dual-energy scans, got"
                f" {self.data.projected}"
            )
        if self.detector == "xray.pieces" and self.architecture in ("ssdlite", "yolo"):
            raise ValueError(
                f"architecture must be one that counts for xray.pieces, {' or '.join(COUNTS)};"
                f" got {self.architecture!r}, which only draws boxes"
            )
        if self.architecture == "ssdlite" and self.fit.window_px is not None:
            raise ValueError(
                "fit.window_px must be null for ssdlite, whose anchors are shares of the whole"
                f" canvas, got {self.fit.window_px}"
            )
        return self
