"""The dossier: everything that a page shows of one flagged parcel or master carton.

It is made when an item is enrolled, out of a finished run and its feed, and kept as JSON. What is
in it came from manifests, file names and photos of strangers, so it is checked again on its way
out. Where its files lie is for the server alone: `shown` leaves that out.
"""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.errors import first_fault
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.scans import Energy
from parcelscope.inference.owners import ImageRow
from parcelscope.review.errors import ReviewError

FORMAT_VERSION: Final = 1
MOST_IMAGES: Final = 40
"""Images of one item that are shown; a feed may name thousands for one parcel."""
MOST_INSIDE: Final = 200
"""Parcels of one carton that are listed."""

Number = Annotated[float, Field(allow_inf_nan=False)]
BoxXyxy = tuple[Number, Number, Number, Number]
"""(x0, y0, x1, y1) in pixels of the full-size image."""
ImageKind = Literal["scan", "photo"]
Form = Literal["dual", "grey", "colour", "photo"]


class DossierError(ReviewError):
    """What is stored of an item is no dossier, or does not hold what was asked for."""


class _Part(BaseModel, frozen=True, extra="forbid"):
    """A part of a dossier; unknown keys are errors."""


class Reason(_Part, frozen=True):
    """One reason why this was flagged."""

    code: str
    sentence: str
    observed: Number | None
    expected: Number | None
    unit: str | None
    contribution: Number | None
    """Log-odds that it adds to the risk; None where the bundle that says so was not at hand."""


class Unassessed(_Part, frozen=True):
    """A check that could not be made."""

    check: str
    """In words, with its code."""
    reason: str


class ManifestLine(_Part, frozen=True):
    """One declared field beside what was seen of it."""

    field: str
    label: str
    declared: str | None
    """None where the manifest is silent."""
    seen: str | None
    """None where nothing was seen that could be held against it, or, where it differs, where a
    reason says it already."""
    differs: bool
    personal: bool
    """Whether roles that see no personal data get neither of the two."""


class ImageMark(_Part, frozen=True):
    """Something found in an image."""

    code: str
    label: str
    score: Number | None
    box_xyxy: BoxXyxy


class Zone(_Part, frozen=True):
    """A place in which a photo differs from its genuine reference."""

    number: int
    """The same on the photo, on the reference, and in words."""
    box_xyxy: BoxXyxy
    reference_xyxy: BoxXyxy | None
    """The same place in pixels of the reference."""
    sentence: str


class ReferenceFile(_Part, frozen=True):
    """A genuine photo that one of the images was compared with."""

    k: int
    caption: str
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}\.jpg$")]
    """Name in the folder of references of the run."""


class ImageFile(_Part, frozen=True):
    """One file of an image: a row of the feed's images table, as far as it is needed to read it."""

    row: int
    kind: ImageKind
    view: str | None
    station: str | None
    path: str
    sha256: str | None
    energy: Energy | None
    scanner_model: str | None
    scanner_software: str | None
    pixel_pitch_mm: Number | None
    air_level: Number | None

    def as_row(self) -> ImageRow:
        """What the readers of `inference` take."""
        return ImageRow(**self.model_dump())


class DossierImage(_Part, frozen=True):
    """One scan, of one file or of two energies, or one photo."""

    n: int
    kind: ImageKind
    view: str | None
    station: str | None
    form: Form | None
    """As the feed says it; None where only the pixels can say it."""
    pixel_pitch_mm: Number | None
    scanner_model: str | None
    taken_at: str | None
    note: str | None
    """What to know of it, such as a scanner that nobody calibrated."""
    files: tuple[ImageFile, ...]
    marks: tuple[ImageMark, ...] = ()
    heat: bool = False
    """Whether a map of where it is unusual can be shown."""
    references: tuple[ReferenceFile, ...] = ()
    zones: tuple[Zone, ...] = ()
    problem: str | None = None
    """Why it could not be read when the run was scored."""


class Inner(_Part, frozen=True):
    """One parcel of a carton."""

    item_id: str | None
    """None where it is no item of the queue."""
    owner_id: str
    description: str | None
    band: str | None


class PieceBox(_Part, frozen=True):
    """The outline of an inner parcel on a scan of its carton."""

    n: int
    """The image."""
    number: int
    box_xyxy: BoxXyxy


class Carton(_Part, frozen=True):
    """A master carton: the item itself, or what a parcel came in."""

    carton_id: str
    item_id: str | None
    manifested: int | None
    counted: Number | None
    low: Number | None
    high: Number | None
    boxes: tuple[PieceBox, ...] = ()
    """On the images of this very item; none for a parcel."""
    parcels: tuple[Inner, ...] = ()
    more: int = 0
    """Parcels beyond those that are listed."""


class Versions(_Part, frozen=True):
    """What scored and what decided."""

    bundle: str
    threshold: str
    """Digest of the screening configuration."""


class Source(_Part, frozen=True):
    """Where the files lie."""

    feed: str
    """Folder or URL."""
    run: str
    """Run folder."""
    bundle: str | None = None
    """Folder of the models that scored the run, where they were at hand."""
    bundle_digest: str | None = None


class Dossier(_Part, frozen=True):
    """One flagged parcel or master carton."""

    format_version: Literal[1] = FORMAT_VERSION
    owner_kind: OwnerKind
    owner_id: str
    risk_words: str
    reasons: tuple[Reason, ...]
    not_assessed: tuple[Unassessed, ...]
    manifest: tuple[ManifestLine, ...]
    images: tuple[DossierImage, ...]
    carton: Carton | None
    versions: Versions
    source: Source
    hidden: tuple[str, ...] = ()
    """Personal texts (names, addresses, numbers) that may also stand inside of sentences."""

    def image(self, n: int) -> DossierImage:
        """Image number `n`.

        Raises:
            DossierError: If there is none.
        """
        found = next((image for image in self.images if image.n == n), None)
        if found is None:
            raise DossierError(f"{self.owner_kind} {self.owner_id} has no image {n}")
        return found


def read_dossier(text: str) -> Dossier:
    """The dossier that is stored as `text`.

    Raises:
        DossierError: If it is none.
    """
    try:
        return Dossier.model_validate_json(text)
    except ValidationError as error:
        raise DossierError(f"stored dossier: {first_fault(error.errors())}") from None


def dossier_text(dossier: Dossier) -> str:
    """`dossier` as it is stored."""
    return dossier.model_dump_json()


def shown(dossier: Dossier) -> dict[str, Any]:
    """`dossier` for a page: all of it but where its files lie and what is to be hidden."""
    told = dossier.model_dump(mode="json", exclude={"format_version", "source", "hidden"})
    for image in told["images"]:
        del image["files"]
        image["references"] = [
            {"k": one["k"], "caption": one["caption"]} for one in image["references"]
        ]
    return told


def reference_folder(dossier: Dossier) -> Path:
    """Where the run keeps the genuine photos that it compared with."""
    return Path(dossier.source.run) / "references"


def risk_words(risk: float | None, kind: OwnerKind) -> str:
    """A calibrated risk as people count: of a hundred like this one, how many are worth opening."""
    if risk is None:
        return "Not scored: no check could be made."
    things = "parcels" if kind == "parcel" else "cartons"
    if risk < 0.01:
        return f"Of 100 {things} like this one, fewer than 1 is worth an inspection."
    if risk > 0.99:
        return f"Of 100 {things} like this one, more than 99 are worth an inspection."
    count = round(100 * risk)
    be = "is" if count == 1 else "are"
    return f"Of 100 {things} like this one, about {count} {be} worth an inspection."


def as_image_files(rows: tuple[ImageRow, ...]) -> tuple[ImageFile, ...]:
    """`rows` as a dossier keeps them."""
    return tuple(
        ImageFile(**{name: getattr(row, name) for name in ImageFile.model_fields}) for row in rows
    )
