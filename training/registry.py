"""Bundles in MLflow's model registry, under the aliases `champion` and `challenger`.

The registry is a view for people: what scores is decided by the link that `bundle promote` swaps.
MLflow keeps it in its local SQLite file, or where `MLFLOW_TRACKING_URI` points.
"""

from pathlib import Path
from typing import Final, Literal

from parcelscope.datasets.errors import ConfigError
from parcelscope.models.bundle import load_bundle

MODEL: Final = "parcelscope-bundle"
DIGEST: Final = "bundle_digest"
Alias = Literal["champion", "challenger"]


def register_bundle(folder: Path, alias: Alias, *, uri: str | None = None) -> str:
    """Give `alias` to the bundle in `folder`; its version in the registry.

    A bundle that is registered already keeps its version. A champion is no longer a challenger.

    Args:
        folder: The bundle; it is named by its path, and not copied.
        alias: What it is from now on.
        uri: The registry; MLflow's own default if None.

    Raises:
        BundleError: If the bundle is not whole.
        ConfigError: If MLflow is not installed, or the registry refuses.
    """
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError:
        raise ConfigError(
            "the model registry needs MLflow, which is not installed; install parcelscope[train]"
        ) from None
    bundle, digest = load_bundle(folder)
    try:
        client = MlflowClient(registry_uri=uri, tracking_uri=uri)
        if not client.search_registered_models(f"name = '{MODEL}'"):
            client.create_registered_model(MODEL, description="Model bundles of parcelscope.")
        known = client.search_model_versions(f"name = '{MODEL}'")
        version = next((v.version for v in known if v.tags.get(DIGEST) == digest), None)
        if version is None:
            version = client.create_model_version(
                MODEL,
                source=folder.resolve().as_uri(),
                tags={DIGEST: digest, "bundle_name": bundle.name, "bundle_version": bundle.version},
                description=bundle.training_data,
            ).version
        client.set_registered_model_alias(MODEL, alias, version)
        aliases = client.get_registered_model(MODEL).aliases
        if alias == "champion" and str(aliases.get("challenger")) == str(version):
            client.delete_registered_model_alias(MODEL, "challenger")
    except MlflowException as error:
        raise ConfigError(f"MLflow's model registry: {error.message}") from None
    return str(version)
