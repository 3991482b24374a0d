from pathlib import Path

import pytest

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.pipelines.service.places import check_roots, place_of_feed


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "feeds"
    (folder / "monday").mkdir(parents=True)
    (tmp_path / "feeds-of-others" / "monday").mkdir(parents=True)
    (folder / "out").symlink_to(tmp_path / "feeds-of-others")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "file").write_text("")
    return folder


def test_a_feed_is_named_by_its_path_or_relative_to_a_root(root: Path) -> None:
    inside = str(root / "monday")
    assert place_of_feed("monday", [str(root)]) == inside
    assert place_of_feed(inside, ["s3://other", str(root)]) == inside
    assert place_of_feed("monday/../monday/.", [str(root)]) == inside


@pytest.mark.parametrize(
    "asked",
    [
        "", "/", "/etc", "..", "../feeds-of-others/monday", "monday/../../feeds-of-others", "out",
        "out/monday", "loop", "file", "tuesday", "a\0b", "x" * 5000, "file:///etc", "monday\n",
    ],
)  # fmt: skip
def test_what_lies_outside_is_refused_in_the_same_words(asked: str, root: Path) -> None:
    with pytest.raises(FeedError, match="inside a configured root"):
        place_of_feed(asked, [str(root)])
    with pytest.raises(FeedError, match="inside a configured root"):
        place_of_feed(asked, [])


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("s3://bucket/feeds/monday", True),
        ("s3://bucket/feeds", True),
        ("s3://bucket/feeds-of-others", False),
        ("s3://bucket/feeds/../secret", False),
        ("s3://bucket/feeds/%2e%2e/secret", False),
        ("s3://bucket/feeds/monday::file:///etc", False),
        ("s3://other/feeds/monday", False),
        ("gs://bucket/feeds/monday", False),
    ],
)
def test_a_url_must_lie_below_a_root_too(asked: str, allowed: bool) -> None:
    if allowed:
        assert place_of_feed(asked, ["s3://bucket/feeds"]) == asked
    else:
        with pytest.raises(FeedError, match="inside a configured root"):
            place_of_feed(asked, ["s3://bucket/feeds"])


@pytest.mark.parametrize(("root", "said"), [("nowhere", "no such folder"), ("s3://", "bucket")])
def test_a_root_that_is_none_is_refused_at_the_start(root: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_roots([root])
