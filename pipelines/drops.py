"""A drop: the folder that a scanner leaves for one parcel, read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import BaseModel, ValidationError

from parcelscope.datasets.errors import FeedError, ImageError
from parcelscope.datasets.plain_files import open_plain
from parcelscope.pipelines.service.parcel import (
    ImageAnswer,
    Object,
    ParcelRequest,
    ScoreAnswer,
    read_request,
)

MANIFEST: Final = "parcel.json"
MANIFEST_BYTES: Final = 1024 * 1024
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Manifest(BaseModel, frozen=True, extra="forbid"):
    """`parcel.json`: what is known of the parcel, and which files show it."""

    parcel: Object
    """Columns of the parcels table; `parcel_id` must be among them."""
    images: list[Object] = []
    """Rows of the images table, whose `path` is the name of a file in the drop."""

    @property
    def named(self) -> list[str]:
        """The names of the files."""
        return [str(image.get("path")) for image in self.images]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRead:
    """A drop as the scorer takes it."""

    request: ParcelRequest
    refused: dict[str, ImageError]
    """Files that were not opened, by name: pipes, and links that lead out of the drop."""

    def with_refused(self, answer: ScoreAnswer) -> ScoreAnswer:
        """`answer`, telling of the files that were refused why they were."""
        return answer.model_copy(
            update={"images": tuple(self._told(image) for image in answer.images)}
        )

    def _told(self, image: ImageAnswer) -> ImageAnswer:
        error = self.refused.get(image.path)
        if error is None:
            return image
        return ImageAnswer(
            path=image.path, verdict="quarantined", code=error.code, message=str(error)
        )


def read_manifest(drop: Path) -> Manifest:
    """What `parcel.json` in the folder `drop` says.

    Raises:
        FeedError: If it is not there, cannot be read, is too long, or is not what it must be.
    """
    try:
        with open_plain(drop / MANIFEST, within=drop) as file:
            content = file.read(MANIFEST_BYTES + 1)
    except FileNotFoundError:
        raise FeedError(f"{MANIFEST}: expected the facts of the parcel, got no such file") from None
    except ImageError as error:
        raise FeedError(f"{MANIFEST}: expected a plain file, got {error.code}") from None
    except OSError as error:
        raise FeedError(f"{MANIFEST}: cannot be read: {error.strerror}") from None
    if len(content) > MANIFEST_BYTES:
        raise FeedError(f"{MANIFEST}: expected at most {MANIFEST_BYTES:,} bytes, got more")
    try:
        return Manifest.model_validate_json(content.removeprefix(BYTE_ORDER_MARK))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FeedError(f"{MANIFEST}: {f'{where}: ' if where else ''}{first['msg']}") from None


def read_drop(drop: Path, *, max_bytes: int, max_images: int) -> DropRead:
    """The drop in the folder `drop`; a file that is not there is an image that is missing.

    Raises:
        FeedError: If `parcel.json` is not what it must be, or the drop is too large.
        OSError: If a file cannot be read.
    """
    if drop.is_symlink() or not drop.is_dir():
        raise FeedError("expected a folder with the files of one parcel, got a link or a file")
    manifest = read_manifest(drop)
    if not manifest.parcel.get("parcel_id"):
        raise FeedError(f"{MANIFEST}: parcel.parcel_id: expected the id of the parcel, got none")
    files: dict[str, bytes] = {}
    refused: dict[str, ImageError] = {}
    left = max_bytes
    for row, name in enumerate(manifest.named, start=1):
        if name in files or name in refused:
            continue
        if not is_plain(name):
            raise FeedError(
                f"{MANIFEST}: images row {row}: path must be the name of a file in the drop,"
                f" got {name[:200]!r}"
            )
        try:
            with open_plain(drop / name, within=drop) as file:
                files[name] = _read(file, left, max_bytes)
        except FileNotFoundError:
            continue
        except ImageError as error:
            # The rest of the parcel is scored: one bad file must not cost it the others.
            refused[name] = ImageError(error.code, f"{name} is no plain file of its drop")
            continue
        left -= len(files[name])
    request = read_request(
        json.dumps(manifest.parcel), json.dumps(manifest.images), files, max_images=max_images
    )
    return DropRead(request=request, refused=refused)


def is_plain(name: str) -> bool:
    """Whether `name` names a file in a folder, and nothing beyond it."""
    return name not in {"", ".", ".."} and not {"/", "\\"} & set(name) and name.isprintable()


def _read(file: BinaryIO, left: int, max_bytes: int) -> bytes:
    content = file.read(left + 1)
    if len(content) > left:
        raise FeedError(f"expected at most {max_bytes:,} bytes of images, got more")
    return content
