"""Packs of indicators from other facilities: checked once when they come in, and kept as they came.

Beside each lies where it came from, its digest, and the most that a finding by it may count for.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.errors import ConfigError, first_fault
from parcelscope.datasets.writing import write_text_whole, write_whole
from parcelscope.screening.pack_file import IndicatorPack, Line, parse_pack
from parcelscope.screening.pack_yaml import MAX_BYTES

FOLDER_VARIABLE: Final = "PARCELSCOPE_PACKS"
IMPORTED_MAX_RATIO: Final = 30.0
"""Ratios of elsewhere are estimates on other traffic: by default one finding alone raises the odds
no further than this."""
_PACK: Final = ".yaml"
_ORIGIN: Final = ".origin.json"


class PackOrigin(BaseModel, frozen=True, extra="forbid"):
    """Where a pack came from."""

    format_version: Literal[1] = 1
    origin: Line
    """Whose it is, as the person who imported it says."""
    imported: str
    """When, UTC, ISO 8601."""
    sha256: str
    """Of the pack's file."""
    max_likelihood_ratio: float = Field(ge=1, allow_inf_nan=False)


def packs_folder() -> Path:
    """Where imported packs lie: `PARCELSCOPE_PACKS`, else below `XDG_DATA_HOME`, of this user."""
    named = os.environ.get(FOLDER_VARIABLE) or ""
    if named:
        return Path(named)
    root = os.environ.get("XDG_DATA_HOME") or ""
    base = Path(root) if Path(root).is_absolute() else Path.home() / ".local" / "share"
    return base / "parcelscope" / "packs"


def stored_packs(folder: Path | None = None) -> tuple[str, ...]:
    """Names of the packs in `folder`, or in `packs_folder()`."""
    where = packs_folder() if folder is None else folder
    found = (path.name.removesuffix(_ORIGIN) for path in where.glob(f"*{_ORIGIN}"))
    return tuple(sorted(name for name in found if not name.startswith(".")))


def import_pack(
    source: Path,
    *,
    origin: str,
    now: datetime,
    reserved: frozenset[str],
    max_likelihood_ratio: float = IMPORTED_MAX_RATIO,
    replace: bool = False,
    folder: Path | None = None,
) -> IndicatorPack:
    """Check the pack in the file `source` and keep it under the name that it gives itself.

    Args:
        source: YAML, from another facility.
        origin: Whose it is.
        now: UTC.
        reserved: Names that it may not have.
        max_likelihood_ratio: The most that a finding by it may count for, 1 or more.
        replace: Replace an earlier import of that name.
        folder: Where to keep it; `packs_folder()` if None.

    Raises:
        ConfigError: If it cannot be read or does not fit, or its name is taken.
    """
    content = _content(source)
    where = packs_folder() if folder is None else folder
    pack = parse_pack(content, str(source), max_likelihood_ratio=max_likelihood_ratio)
    if pack.name in reserved:
        raise ConfigError(f"{source}: expected a name of its own, got {pack.name}, which ships")
    if pack.name in stored_packs(where) and not replace:
        raise ConfigError(
            f"{where}: already holds a pack {pack.name}; add --replace to take the new one"
        )
    try:
        told = PackOrigin(
            origin=origin,
            imported=now.isoformat(timespec="seconds"),
            sha256=pack.digest,
            max_likelihood_ratio=max_likelihood_ratio,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    try:
        write_whole(where / f"{pack.name}{_PACK}", content)
        # Last: a pack without it is not there.
        write_text_whole(where / f"{pack.name}{_ORIGIN}", told.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise ConfigError(f"{where}: cannot keep {pack.name}: {error.strerror}") from None
    return pack


def read_stored(name: str, folder: Path | None = None) -> IndicatorPack:
    """The imported pack `name`.

    Raises:
        ConfigError: If it was changed since it was imported, or cannot be read.
    """
    where = packs_folder() if folder is None else folder
    told = read_origin(name, where)
    path = where / f"{name}{_PACK}"
    pack = parse_pack(_content(path), str(path), max_likelihood_ratio=told.max_likelihood_ratio)
    if pack.digest != told.sha256:
        raise ConfigError(
            f"{path}: expected the file that was imported ({told.sha256[:12]}…), got another"
            f" ({pack.digest[:12]}…); import it again"
        )
    return pack


def read_origin(name: str, folder: Path | None = None) -> PackOrigin:
    """Where the imported pack `name` came from.

    Raises:
        ConfigError: If that cannot be read.
    """
    path = (packs_folder() if folder is None else folder) / f"{name}{_ORIGIN}"
    try:
        return PackOrigin.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: expected an imported pack, got: {error.strerror}") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error.errors())}") from None


def _content(path: Path) -> bytes:
    """The file, or one byte more than a pack may have."""
    if not path.is_file():
        raise ConfigError(f"{path}: expected the file of an indicator pack")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: expected an indicator pack, got: {error.strerror}") from None
