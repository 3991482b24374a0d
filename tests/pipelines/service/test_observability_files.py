"""The files for Prometheus, Grafana and the containers name only what there is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from parcelscope.pipelines.service.metrics import Metrics

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "configs" / "observability"
BOARD = json.loads((FOLDER / "dashboard.json").read_text())


def exposed_names() -> set[str]:
    """Every name that a page of the service can have."""
    suffixes = {
        "counter": ("_total",),
        "gauge": ("",),
        "histogram": ("_bucket", "_sum", "_count"),
    }
    return {
        f"{family.name}{suffix}"
        for family in Metrics().registry.collect()
        for suffix in suffixes[family.type]
    }


def dashboard_queries() -> list[str]:
    return [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]


def alert_queries() -> list[str]:
    alerts = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    return [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("query", [*dashboard_queries(), *alert_queries()])
def test_a_query_names_only_figures_that_there_are(query: str) -> None:
    names = set(re.findall(r"parcelscope_\w+", query))
    assert names <= exposed_names()
    assert names or "up{" in query
    assert query.count("(") == query.count(")")


def test_the_dashboard_shows_every_figure() -> None:
    queries = " ".join(dashboard_queries())
    unseen = {family.name for family in Metrics().registry.collect() if family.name not in queries}
    assert unseen == set()


def test_panels_have_an_id_of_their_own_and_do_not_overlap() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)


def test_labels_of_queries_are_labels_of_their_figures() -> None:
    labels = {
        "state", "verdict", "code", "stage", "queue", "why", "route", "status", "method", "name",
        "version", "digest", "outcome", "le",
    }  # fmt: skip
    for query in dashboard_queries():
        for group in re.findall(r"by \(([^)]*)\)", query):
            assert {label.strip() for label in group.split(",")} <= labels


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_compose_mounts_files_that_there_are_and_declares_what_it_uses() -> None:
    told = compose()
    for service in told["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_file(), source
            elif not source.startswith("$"):
                assert source in told["volumes"]
        assert set(service.get("secrets", [])) <= set(told["secrets"])
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "only this machine may reach it"


def test_the_container_starts_the_service_with_options_that_there_are() -> None:
    from typer.main import get_command

    from parcelscope.pipelines.serve_commands import serve_app

    known = {name for option in get_command(serve_app).params for name in option.opts}
    docker = (ROOT / "Dockerfile").read_text()
    command = json.loads(re.findall(r"^CMD (\[.*\])$", docker, re.MULTILINE)[-1])
    for words in (command, compose()["services"]["service"]["command"]):
        assert words[0] == "serve"
        assert {word for word in words if word.startswith("--")} <= known


def test_the_image_is_built_of_files_that_there_are() -> None:
    docker = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", docker, re.MULTILINE):
        for name in line.split():
            assert (ROOT / name).exists(), name
