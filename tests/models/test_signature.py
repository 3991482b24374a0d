"""Signatures with real keys, and everything that must not pass for one."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.models.bundle import CARD, load_bundle
from parcelscope.models.signature import (
    PUBLIC_KEY_VARIABLE,
    SIGNATURE,
    KeyPair,
    configured_public_key,
    generate_keys,
    load_trusted_bundle,
    sign_bundle,
)

pytest.importorskip("cryptography", reason="signatures need the sign extra")


@pytest.fixture
def keys(tmp_path: Path) -> KeyPair:
    return generate_keys(tmp_path / "keys" / "release")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    write_tiny_bundle(folder, kinds=("dual",), detectors=("xray.items", "xray.anomaly"))
    return folder


def test_a_signed_bundle_loads_with_its_public_key(bundle: Path, keys: KeyPair) -> None:
    signature = sign_bundle(bundle, keys.private_path)
    assert signature.key_id == keys.key_id
    assert load_trusted_bundle(bundle, public_key=str(keys.public_path)) == load_bundle(bundle)


def test_the_private_key_is_for_its_owner_alone(keys: KeyPair) -> None:
    assert stat.S_IMODE(keys.private_path.stat().st_mode) == 0o600
    assert b"PRIVATE" not in keys.public_path.read_bytes()


def test_a_key_is_never_overwritten(keys: KeyPair) -> None:
    before = keys.private_path.read_bytes()
    with pytest.raises(ConfigError, match="a key is never overwritten"):
        generate_keys(keys.private_path)
    assert keys.private_path.read_bytes() == before


def test_without_a_public_key_nothing_is_asked_for(bundle: Path) -> None:
    assert load_trusted_bundle(bundle) == load_bundle(bundle)


def test_an_unsigned_bundle_is_refused_where_a_key_is_configured(
    bundle: Path, keys: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PUBLIC_KEY_VARIABLE, str(keys.public_path))
    with pytest.raises(BundleError, match=r"expected a bundle\.sig of key .*, found none"):
        load_trusted_bundle(bundle)


def test_the_environment_goes_before_the_configuration() -> None:
    assert configured_public_key("config", {PUBLIC_KEY_VARIABLE: "environment"}) == "environment"
    assert configured_public_key("config", {PUBLIC_KEY_VARIABLE: " "}) == "config"
    assert configured_public_key(None, {}) is None


def test_a_public_key_may_be_written_out(bundle: Path, keys: KeyPair) -> None:
    import base64

    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    sign_bundle(bundle, keys.private_path)
    raw = load_pem_public_key(keys.public_path.read_bytes()).public_bytes_raw()  # type: ignore[union-attr]
    written_out = base64.b64encode(raw).decode()
    trusted = load_trusted_bundle(bundle, public_key=written_out)
    assert trusted == load_trusted_bundle(bundle, public_key=str(keys.public_path))


def raise_a_threshold(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    card["detectors"][0]["thresholds"]["handgun"] = 0.99
    (folder / CARD).write_text(json.dumps(card))


def swap_a_model_and_its_digest(folder: Path) -> None:
    import hashlib

    path = folder / "items-dual.onnx"
    path.write_bytes(path.read_bytes() + b"\x00")
    card = json.loads((folder / CARD).read_text())
    card["detectors"][0]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / CARD).write_text(json.dumps(card))


def break_the_signature(folder: Path) -> None:
    signature = json.loads((folder / SIGNATURE).read_text())
    signature["signature"] = "A" * 86 + "=="
    (folder / SIGNATURE).write_text(json.dumps(signature))


def scribble_over_it(folder: Path) -> None:
    (folder / SIGNATURE).write_text("signed, really")


def alter_a_model(folder: Path) -> None:
    (folder / "items-dual.onnx").write_bytes(b"other")


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        pytest.param(raise_a_threshold, "the signature does not fit", id="threshold"),
        pytest.param(swap_a_model_and_its_digest, "the signature does not fit", id="model"),
        pytest.param(break_the_signature, "the signature does not fit", id="signature"),
        pytest.param(scribble_over_it, "expected a signature that", id="no signature"),
        pytest.param(alter_a_model, "expected SHA-256", id="model without its digest"),
    ],
)
def test_what_was_changed_after_signing_is_refused(
    bundle: Path, keys: KeyPair, tamper: Callable[[Path], None], says: str
) -> None:
    sign_bundle(bundle, keys.private_path)
    tamper(bundle)
    with pytest.raises(BundleError, match=says):
        load_trusted_bundle(bundle, public_key=str(keys.public_path))


def test_a_signature_of_another_key_is_refused(bundle: Path, keys: KeyPair, tmp_path: Path) -> None:
    other = generate_keys(tmp_path / "other")
    sign_bundle(bundle, other.private_path)
    with pytest.raises(BundleError, match=f"of key {keys.key_id}, got one of key {other.key_id}"):
        load_trusted_bundle(bundle, public_key=str(keys.public_path))


def test_an_altered_bundle_is_not_signed(bundle: Path, keys: KeyPair) -> None:
    alter_a_model(bundle)
    with pytest.raises(BundleError, match="expected SHA-256"):
        sign_bundle(bundle, keys.private_path)
    assert not (bundle / SIGNATURE).exists()


def rsa_key(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(lambda path: None, "No such file", id="missing"),
        pytest.param(lambda path: path.write_text("key"), "as plain PEM", id="no key"),
        pytest.param(rsa_key, "got another kind of key", id="another kind"),
    ],
)
def test_what_is_no_private_key_is_named(
    bundle: Path, tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    path = tmp_path / "odd.key"
    make(path)
    with pytest.raises(ConfigError, match=rf"odd\.key: .*{says}"):
        sign_bundle(bundle, path)


@pytest.mark.parametrize("text", ["gone.pub", "AAAA"])
def test_what_is_no_public_key_is_named(bundle: Path, keys: KeyPair, text: str) -> None:
    sign_bundle(bundle, keys.private_path)
    with pytest.raises(ConfigError, match=f"public key {text}: cannot be read"):
        load_trusted_bundle(bundle, public_key=text)
