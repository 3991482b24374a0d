"""Standing data: what holds beyond one window, read once before a run.

The policy packs of the jurisdiction, the exchange rates, the verified traders and the watch lists.
All of it decides results, so a run keeps the digest of each file.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import polars as pl

from parcelscope.datasets.errors import ConfigError
from parcelscope.screening.exchange_rates import no_rates, read_rates
from parcelscope.screening.policy import Policies, PolicyConfig, load_policies
from parcelscope.screening.trader_tiers import TraderTierConfig, no_traders, read_traders
from parcelscope.screening.watch_list import WatchLists, load_watch_lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds beyond one window."""

    policies: Policies
    rates: pl.DataFrame = field(default_factory=no_rates)
    """As `read_rates` gives it."""
    max_rate_age_days: int = 31
    traders: pl.DataFrame = field(default_factory=no_traders)
    """As `read_traders` gives it."""
    watch_lists: WatchLists | None = None
    """Names that the facility wants to be told of; None where it gave no list."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of what was read, by what it is."""


def load_standing(
    policy: PolicyConfig, tiers: TraderTierConfig, watch_lists: Sequence[str] = ()
) -> Standing:
    """The standing data that the configuration names.

    Raises:
        ConfigError: If a pack, a rate, a trader or a watch list does not fit, or is not there.
        FeedError: If a table cannot be read as what it must be.
    """
    policies = load_policies(policy)
    digests = {f"policy packs of {policies.jurisdiction}": policies.digest}
    rates, traders = no_rates(), no_traders()
    if policy.exchange_rates is not None:
        path = Path(policy.exchange_rates)
        digests["exchange rates"] = _digest(path, "exchange rates")
        rates = read_rates(path)
    if tiers.traders is not None:
        path = Path(tiers.traders)
        digests["traders"] = _digest(path, "verified traders")
        traders = read_traders(path, tiers)
    lists = load_watch_lists(watch_lists)
    if lists is not None:
        digests |= {f"watch list {name}": digest for name, digest in lists.digests.items()}
    return Standing(
        policies=policies,
        rates=rates,
        max_rate_age_days=policy.max_rate_age_days,
        traders=traders,
        watch_lists=lists,
        digests=MappingProxyType(digests),
    )


def _digest(path: Path, what: str) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"{path}: expected a table of {what}, got: {error.strerror}") from None
