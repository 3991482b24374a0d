"""Detached Ed25519 signatures: who says that a bundle may score.

`bundle.sig` lies beside `bundle.json` and signs its SHA-256. As the card names the digest of every
model file, one signature covers the whole folder. Needs the `[sign]` extra, and only where a public
key is configured or a key is used.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.datasets.writing import write_text_whole, write_whole
from parcelscope.models.bundle import Bundle, load_bundle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNATURE: Final = "bundle.sig"
PUBLIC_KEY_VARIABLE: Final = "PARCELSCOPE_BUNDLE_PUBLIC_KEY"
CONTEXT: Final = b"parcelscope bundle signature 1\n"
"""Signed before the digest, so that no signature made for something else ever fits."""
KEY_ID_LENGTH: Final = 16


class Signature(BaseModel, frozen=True, extra="forbid"):
    """`bundle.sig`."""

    format_version: Literal[1] = 1
    algorithm: Literal["ed25519"] = "ed25519"
    key_id: str = Field(pattern=f"^[0-9a-f]{{{KEY_ID_LENGTH}}}$")
    """First digits of the SHA-256 of the raw public key, to tell keys apart by eye."""
    signature: str
    """64 bytes, base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """Where a new pair of keys was written."""

    private_path: Path
    public_path: Path
    key_id: str


def generate_keys(private_path: Path) -> KeyPair:
    """Make a pair of keys: `private_path`, readable by its owner only, and beside it a `.pub`.

    Raises:
        ConfigError: If one of the files exists, or the `[sign]` extra is missing.
    """
    private_type, _ = _key_types()
    from cryptography.hazmat.primitives import serialization

    public_path = private_path.with_name(private_path.name + ".pub")
    for path in (private_path, public_path):
        if path.exists():
            raise ConfigError(f"{path}: exists; a key is never overwritten, name another file")
    private = private_type.generate()
    private_path.parent.mkdir(parents=True, exist_ok=True)
    content = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # Made with its mode, since a moment of being readable to all would be enough.
    handle = os.open(private_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    public = private.public_key()
    write_whole(
        public_path,
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )
    return KeyPair(private_path=private_path, public_path=public_path, key_id=_key_id(public))


def sign_bundle(folder: Path, private_path: Path) -> Signature:
    """Verify the digests of the bundle in `folder`, sign it, and write `bundle.sig`.

    Raises:
        BundleError: If the bundle is not whole.
        ConfigError: If the key is no Ed25519 private key.
    """
    _, digest = load_bundle(folder)
    private = _private_key(private_path)
    signature = Signature(
        key_id=_key_id(private.public_key()),
        signature=base64.b64encode(private.sign(_signed(digest))).decode("ascii"),
    )
    write_text_whole(folder / SIGNATURE, signature.model_dump_json(indent=1) + "\n")
    return signature


def configured_public_key(
    configured: str | None = None, environment: Mapping[str, str] = os.environ
) -> str | None:
    """The public key to check with: that of the environment, else `configured`, else None."""
    return environment.get(PUBLIC_KEY_VARIABLE, "").strip() or configured or None


def load_trusted_bundle(folder: Path, *, public_key: str | None = None) -> tuple[Bundle, str]:
    """The bundle in `folder` and its digest, its signature checked if a public key is configured.

    Whatever scores parcels loads its bundle here; `load_bundle` asks for no signature.

    Args:
        folder: The bundle.
        public_key: File of a PEM public key, or its base64 text; that of the environment variable
            `PARCELSCOPE_BUNDLE_PUBLIC_KEY` goes before it. Without both nothing is checked.

    Raises:
        BundleError: If the bundle is not whole, or its signature is missing or wrong.
        ConfigError: If the public key is none.
    """
    key = configured_public_key(public_key)
    bundle, digest = load_bundle(folder)
    if key is not None:
        check_signature(folder, digest, key)
    return bundle, digest


def check_signature(folder: Path, digest: str, public_key: str) -> Signature:
    """The signature of the bundle in `folder`, whose card has `digest`, checked with `public_key`.

    Raises:
        BundleError: If it is missing, damaged, of another key, or of other content.
        ConfigError: If `public_key` is no Ed25519 public key.
    """
    public = _public_key(public_key)
    expected = _key_id(public)
    signature = read_signature(folder)
    if signature is None:
        raise BundleError(
            f"{folder}: expected a {SIGNATURE} of key {expected}, found none; a public key is"
            " configured, so only signed bundles score: sign it with `parcelscope bundle sign`"
        )
    if signature.key_id != expected:
        raise BundleError(
            f"{folder / SIGNATURE}: expected a signature of key {expected}, got one of key"
            f" {signature.key_id}"
        )
    from cryptography.exceptions import InvalidSignature

    try:
        public.verify(base64.b64decode(signature.signature, validate=True), _signed(digest))
    except (InvalidSignature, ValueError):
        raise BundleError(
            f"{folder / SIGNATURE}: the signature does not fit the bundle; the bundle was changed"
            " after it was signed, or the signature is that of another one"
        ) from None
    return signature


def read_signature(folder: Path) -> Signature | None:
    """The signature in `folder`, unchecked, or None where there is none.

    Raises:
        BundleError: If the file is no signature.
    """
    path = folder / SIGNATURE
    if not path.is_file():
        return None
    try:
        return Signature.model_validate(json.loads(path.read_bytes()))
    except (ValidationError, ValueError):
        raise BundleError(
            f"{path}: expected a signature that `parcelscope bundle sign` wrote, got something else"
        ) from None


def _signed(digest: str) -> bytes:
    return CONTEXT + digest.encode("ascii")


def _key_id(public: "Ed25519PublicKey") -> str:
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:KEY_ID_LENGTH]


def _private_key(path: Path) -> "Ed25519PrivateKey":
    private_type, _ = _key_types()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ConfigError(f"{path}: expected a private key, got: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(f"{path}: expected an Ed25519 private key as plain PEM") from None
    if not isinstance(key, private_type):
        raise ConfigError(f"{path}: expected an Ed25519 private key, got another kind of key")
    return key


def _public_key(text: str) -> "Ed25519PublicKey":
    """The key in the file named `text`, or written out in it as base64."""
    _, public_type = _key_types()
    if re.fullmatch(r"[A-Za-z0-9+/]{43}=", text):
        return public_type.from_public_bytes(base64.b64decode(text))
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(Path(text).read_bytes())
    except OSError as error:
        raise ConfigError(f"public key {text}: cannot be read: {error.strerror}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"public key {text}: expected an Ed25519 public key as PEM") from None
    if not isinstance(key, public_type):
        raise ConfigError(f"public key {text}: expected an Ed25519 key, got another kind of key")
    return key


def _key_types() -> "tuple[type[Ed25519PrivateKey], type[Ed25519PublicKey]]":
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ModuleNotFoundError:
        raise ConfigError(
            "signatures need the sign extra, but cryptography is not installed;"
            " install parcelscope[cpu,sign]"
        ) from None
    return ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey
