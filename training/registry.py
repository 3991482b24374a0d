"""Bundles in MLflow's model registry, under the aliases `champion` and `challenger`.

The registry is a view for people: what scores is decided by the link that `bundle promote` swaps.
It lies where the runs do: in a SQLite file, or where `MLFLOW_TRACKING_URI` points.
"""

import importlib.util
import warnings
from pathlib import Path
from typing import Any, Final, Literal

from parcelscope.datasets.errors import ConfigError
from parcelscope.models.bundle import Bundle, load_bundle
from parcelscope.training.tracking import open_client

MODEL: Final = "parcelscope-bundle"
DIGEST: Final = "bundle_digest"
Alias = Literal["champion", "challenger"]


def register_bundle(folder: Path, alias: Alias, *, runs: Path) -> str:
    """Give `alias` to the bundle in `folder`; its version in the registry.

    A bundle that is registered already keeps its version. A champion is no longer a challenger.

    Args:
        folder: The bundle; it is named by its path, and not copied.
        alias: What it is from now on.
        runs: Folder of the SQLite file, where no server is named.

    Raises:
        BundleError: If the bundle is not whole.
        ConfigError: If MLflow is not installed, or the registry refuses.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise ConfigError("MLflow is not installed; install parcelscope[train] for a registry")
    bundle, digest = load_bundle(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of what its own libraries deprecate
        from mlflow.exceptions import MlflowException

        try:
            return _register(open_client(runs), folder, alias, bundle, digest)
        except MlflowException as error:
            raise ConfigError(f"MLflow's model registry: {error.message}") from None


def _register(client: Any, folder: Path, alias: Alias, bundle: Bundle, digest: str) -> str:
    """The version that `client` keeps for `bundle`, now under `alias`."""
    tags = {DIGEST: digest, "bundle_name": bundle.name, "bundle_version": bundle.version}
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL, description="Model bundles of parcelscope.")
    known = client.search_model_versions(f"name = '{MODEL}'")
    version = next((one.version for one in known if one.tags.get(DIGEST) == digest), None)
    if version is None:
        source = folder.resolve().as_uri()
        version = client.create_model_version(
            MODEL, source=source, tags=tags, description=bundle.training_data
        ).version
    client.set_registered_model_alias(MODEL, alias, str(version))
    aliases = client.get_registered_model(MODEL).aliases
    if alias == "champion" and str(aliases.get("challenger")) == str(version):
        client.delete_registered_model_alias(MODEL, "challenger")
    return str(version)
