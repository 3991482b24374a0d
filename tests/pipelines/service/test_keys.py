from pathlib import Path

import pytest

from parcelscope.datasets.errors import ConfigError
from parcelscope.pipelines.service.database import FILE, ServiceDatabase, open_database
from parcelscope.pipelines.service.guard import Buckets, needed_role
from parcelscope.pipelines.service.keys import (
    ROLES,
    Caller,
    KeyRing,
    Role,
    add_key,
    list_keys,
    revoke_key,
)


@pytest.fixture
def database(tmp_path: Path) -> ServiceDatabase:
    return open_database(tmp_path)


def test_a_key_opens_until_it_is_revoked(database: ServiceDatabase) -> None:
    now = 0.0
    ring = KeyRing(database, clock=lambda: now)
    assert not ring.needed()
    key = add_key(database, "scanner 3", "operator")
    now += 2
    assert ring.needed()
    assert ring.find(key) == Caller(name="scanner 3", role="operator")
    revoke_key(database, "scanner 3")
    now += 2
    assert ring.find(key) is None
    assert ring.needed(), "without keys in use the service must not open to everybody"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"), id="last-letter"),
        pytest.param(lambda key: key.replace("ps_", "xx_"), id="prefix"),
        pytest.param(lambda key: "_".join(key.split("_")[:2]) + "_", id="no-secret"),
        pytest.param(lambda key: "", id="empty"),
        pytest.param(lambda key: "ps_00000000_" + key.split("_", 2)[2], id="other-id"),
        pytest.param(lambda key: key + "\u00e9", id="not-ascii"),
    ],
)
def test_nearly_the_key_is_not_the_key(change: object, database: ServiceDatabase) -> None:
    assert callable(change)
    key = add_key(database, "a", "admin")
    ring = KeyRing(database)
    assert ring.find(key) is not None
    assert ring.find(change(key)) is None


def test_the_file_holds_no_key(database: ServiceDatabase, tmp_path: Path) -> None:
    key = add_key(database, "a", "reader")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.split("_", 2)[2].encode() not in content
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_names_are_used_once_and_listed(database: ServiceDatabase) -> None:
    add_key(database, "a", "reader")
    with pytest.raises(ConfigError, match="already"):
        add_key(database, "a", "admin")
    revoke_key(database, "a")
    add_key(database, "a", "admin")
    with pytest.raises(ConfigError, match="in use"):
        revoke_key(database, "b")
    with pytest.raises(ConfigError, match="printable"):
        add_key(database, "a\nb", "admin")
    assert sorted((key.role, key.revoked is None) for key in list_keys(database)) == [
        ("admin", True),
        ("reader", False),
    ]


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
        ("GET", "/metrics", "monitor"),
        ("GET", "/v1/runs", "reader"),
        ("GET", "/v1/runs/x/results/flags", "reader"),
        ("POST", "/v1/runs", "operator"),
        ("POST", "/v1/runs/x/cancel", "operator"),
        ("DELETE", "/v1/runs/x", "operator"),
        ("POST", "/v1/score", "operator"),
        ("GET", "/v1/score", "operator"),
        ("POST", "/v1/bundle/reload", "admin"),
        ("GET", "/anything", "reader"),
        ("POST", "/anything", "operator"),
    ],
)
def test_every_route_needs_its_role(method: str, path: str, role: Role | None) -> None:
    assert needed_role(method, path) == role


def test_each_role_may_what_those_before_it_may() -> None:
    for place, role in enumerate(ROLES):
        caller = Caller(name="a", role=role)
        assert [caller.may(needed) for needed in ROLES] == [n <= place for n in range(len(ROLES))]


def test_a_bucket_fills_at_a_steady_rate() -> None:
    now = 0.0
    buckets = Buckets(60, clock=lambda: now)
    assert [buckets.wait_s("a") for _ in range(60)] == [0.0] * 60
    assert buckets.wait_s("a") == pytest.approx(1.0)
    assert buckets.wait_s("b") == 0.0
    now = 1.0
    assert buckets.wait_s("a") == 0.0
    assert buckets.wait_s("a") > 0


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"x" * 5000)
    with pytest.raises(ConfigError, match="expected the database of the service"):
        open_database(tmp_path)
