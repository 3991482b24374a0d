"""Policy packs for tests, written as plain Python values."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from parcelscope.screening.policy import Policies, PolicyConfig, load_policies

US = load_policies(PolicyConfig())
GENERIC = load_policies(PolicyConfig(jurisdiction="generic"))


def rule(**changes: Any) -> dict[str, Any]:
    """A rule on entry, with these changes."""
    usual = {
        "kind": "entry",
        "code": "any",
        "entry": "some entry",
        "citation": "Law 1",
        "source_checked": True,
    }
    return usual | changes


def pack(*rules: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A pack with these rules, or with one on entry, and these changes."""
    usual = {
        "name": "first",
        "version": 1,
        "jurisdiction": "here",
        "title": "A test",
        "effective": {"from": "2020-01-01", "until": "2020-12-31"},
        "time_zone": "UTC",
        "rules": list(rules) or [rule()],
    }
    return usual | changes


def written(folder: Path, *packs: Mapping[str, Any]) -> Path:
    """A folder with `packs`, each in a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(packs):
        path = folder / f"pack{number}.yaml"
        path.write_text(yaml.safe_dump(dict(one), sort_keys=False), encoding="utf-8")
    return folder


def loaded(folder: Path, *packs: Mapping[str, Any], jurisdiction: str = "here") -> Policies:
    """`packs`, written to `folder` and read back."""
    written(folder, *packs)
    return load_policies(PolicyConfig(jurisdiction=jurisdiction, packs=str(folder)))


def noon(day: str) -> datetime:
    """Noon of `day`, UTC: the same day in the United States."""
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
