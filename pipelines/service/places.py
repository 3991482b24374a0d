"""Where a run may take its feed from: folders and URLs that the operator of the service named."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from parcelscope.datasets.errors import ConfigError, FeedError


def check_roots(roots: Sequence[str]) -> None:
    """Refuse roots that are no folder, or URLs that say less than host or bucket.

    Raises:
        ConfigError: Naming the root.
    """
    for root in roots:
        if is_url(root):
            if not urlsplit(root).netloc:
                raise ConfigError(f"root {root}: expected a URL with a bucket or host, got none")
        elif not Path(root).is_dir():
            raise ConfigError(f"root {root}: expected a folder, got no such folder")


def place_of_feed(asked: str, roots: Sequence[str]) -> str:
    """The folder or URL that `asked` names, once it is known to lie inside one of `roots`.

    A path may be absolute, or relative to one of the roots. Links are followed first, so that none
    leads out.

    Raises:
        FeedError: If it lies in none of them, or there is no such folder.
    """
    if not asked or not asked.isprintable():
        raise FeedError("feed: expected a path or URL inside a configured root, got none")
    if is_url(asked):
        return _url_inside(asked, roots)
    for root in (Path(root) for root in roots if not is_url(root)):
        inside = root.resolve()
        try:
            place = (root / asked).resolve()
            found = place.is_relative_to(inside) and place.is_dir()
        except (OSError, ValueError, RuntimeError):  # a name too long, a loop of links
            continue
        if found:
            return str(place)
    # One sentence for all: whether a folder outside exists is nobody's business.
    raise FeedError(f"feed: expected a folder inside a configured root, got {asked!r}")


def is_url(text: str) -> bool:
    """Whether `text` is a URL rather than a path."""
    return "://" in text


def _url_inside(asked: str, roots: Sequence[str]) -> str:
    path = unquote(urlsplit(asked).path)
    tricky = "::" in asked or "\\" in path or any(part in {".", ".."} for part in path.split("/"))
    for root in roots:
        if (
            not tricky
            and is_url(root)
            and f"{asked.rstrip('/')}/".startswith(f"{root.rstrip('/')}/")
        ):
            return asked
    raise FeedError(f"feed: expected a URL inside a configured root, got {asked!r}")
