"""The service keeps to what its OpenAPI says, whatever is sent to it."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.inference.sound_bundle import write_sound_bundle
from tests.pipelines.service.live_service import LiveService, live_service

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
OPERATIONS = (
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/v1/runs"),
    ("POST", "/v1/runs"),
    ("GET", "/v1/runs/{run_id}"),
    ("DELETE", "/v1/runs/{run_id}"),
    ("POST", "/v1/runs/{run_id}/cancel"),
    ("GET", "/v1/runs/{run_id}/card"),
    ("GET", "/v1/runs/{run_id}/report"),
    ("GET", "/v1/runs/{run_id}/results/{table}"),
    ("POST", "/v1/score"),
    ("POST", "/v1/bundle/reload"),
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    folder = tmp_path_factory.mktemp("fuzzed")
    write_sound_bundle(folder / "bundle")
    told = {
        "bundle": str(folder / "bundle"),
        "latency_budget_s": 0.05,
        "limits": {"requests_per_minute": 1_000_000},
    }
    with live_service(folder / "home", told) as live:
        yield live


@pytest.fixture(scope="module")
def schema(service: LiveService) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{service.client.base_url}/openapi.json")


def test_no_route_is_left_out(schema: schemathesis.BaseSchema) -> None:
    found = {(made.ok().method.upper(), made.ok().path) for made in schema.get_all_operations()}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_sent_the_answer_is_one_that_was_promised(
    method: str, path: str, schema: schemathesis.BaseSchema, service: LiveService
) -> None:
    operation = schema[path][method]

    @settings(
        max_examples=12,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=list(CHECKS))

    send()
    assert service.client.get("/healthz").status_code == 200
