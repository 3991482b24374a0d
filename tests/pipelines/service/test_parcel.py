import json

import pytest

from parcelscope.datasets.errors import FeedError
from parcelscope.pipelines.service.parcel import read_request


def test_a_request_gives_every_image_its_owner() -> None:
    request = read_request(
        '{"parcel_id": "P-1"}', '[{"path": "a.jpg", "kind": "scan"}]', {"a.jpg": b"1"}, max_images=2
    )
    assert request.images == [{"path": "a.jpg", "kind": "scan", "owner_id": "P-1"}]
    assert read_request("{}", "[]", {}, max_images=1).parcel == {"parcel_id": "parcel"}


@pytest.mark.parametrize(
    ("parcel", "images", "files", "said"),
    [
        pytest.param("{", "[]", {}, "parcel: expected an object", id="not-json"),
        pytest.param("[]", "[]", {}, "parcel: expected an object", id="no-object"),
        pytest.param('{"a": {}}', "[]", {}, "parcel: expected an object", id="nested"),
        pytest.param("[" * 100_000, "[]", {}, "parcel: expected", id="deep"),
        pytest.param("{}", "{}", {}, "images: expected a list", id="no-list"),
        pytest.param("{}", "[]", {"a.jpg": b""}, "a row of `images`", id="file-without-row"),
        pytest.param("{}", '[{"path": "../a"}]', {"../a": b""}, "plain file name", id="path"),
        pytest.param("{}", '[{"path": ".."}]', {"..": b""}, "plain file name", id="dots"),
        pytest.param("{}", json.dumps([{"path": "a"}] * 9), {}, "at most 3 images", id="many"),
    ],
)
def test_a_request_that_is_none_is_refused_in_one_sentence(
    parcel: str, images: str, files: dict[str, bytes], said: str
) -> None:
    with pytest.raises(FeedError, match=said):
        read_request(parcel, images, files, max_images=3)
