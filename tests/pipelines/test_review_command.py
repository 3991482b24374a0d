"""`parcelscope review`: started as people start it, and what it refuses."""

import datetime
import io
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from parcelscope.pipelines.cli import main
from parcelscope.review.database import open_as_it_is, reading, review_url
from parcelscope.review.events import read
from parcelscope.review.people import members

COMMAND = "from parcelscope.pipelines.cli import main; main()"
PASSWORD = "correct horse battery staple"


def call(
    capsys: pytest.CaptureFixture[str], *words: str | Path, typed: str | None = None
) -> tuple[int, str, str]:
    """Exit code, output and errors of `parcelscope words`."""
    with pytest.MonkeyPatch.context() as patch:
        if typed is not None:
            patch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as leaving:
            main([str(word) for word in words])
    said = capsys.readouterr()
    return int(leaving.value.code or 0), said.out, said.err


@contextmanager
def running(folder: Path, *words: str | Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of `parcelscope review words`, started in `folder`, and its process."""
    with (folder / "review.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "review", *map(str, words), "--port", "0"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " is at " in line, (folder / "review.log").read_text()
        yield line.split(" is at ")[1].strip(), process
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "review.sqlite")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for this machine and its key, made by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


def test_it_starts_without_a_word_of_configuration(tmp_path: Path) -> None:
    with running(tmp_path) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        page = httpx.get(url)
        assert page.status_code == 200
        assert "local" in page.text
        assert "server" not in page.headers
        assert (tmp_path / "runs/review.sqlite").stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    told = (tmp_path / "review.log").read_text()
    assert "expected a complete run in it or below it, found none" in told


def test_it_speaks_tls(tmp_path: Path, certificate: tuple[Path, Path], database: str) -> None:
    cert, key = certificate
    add = [sys.executable, "-c", COMMAND, "review", "user", "add", "ana", "--role", "analyst"]
    subprocess.run(
        [*add, "--database", database, "--password-stdin"], input=PASSWORD, text=True, check=True
    )
    words = ("--database", database, "--tls-cert", cert, "--tls-key", key)
    with running(tmp_path, *words) as (url, _):
        assert url.startswith("https://")
        trusting = ssl.create_default_context(cafile=str(cert))
        port = url.rpartition(":")[2]
        base = f"https://localhost:{port}"
        with httpx.Client(base_url=base, verify=trusting, headers={"origin": base}) as browser:
            answer = browser.post("/sign-in", data={"name": "ana", "password": PASSWORD})
            assert answer.status_code == 303
            assert answer.headers["set-cookie"].startswith("__Host-parcelscope=")
            assert "Secure" in answer.headers["set-cookie"]
            assert "max-age" in answer.headers["strict-transport-security"]
            assert browser.get("/api/settings").json()["person"]["name"] == "ana"


def test_people_are_added_listed_and_disabled(
    capsys: pytest.CaptureFixture[str], database: str
) -> None:
    where = ("--database", database)
    code, out, _ = call(
        capsys, "review", "user", "add", "Ana", "--role", "admin", "--password-stdin", *where,
        typed=f"{PASSWORD}\n",
    )  # fmt: skip
    assert (code, out) == (0, "added ana, admin\n")
    code, out, _ = call(
        capsys, "review", "user", "add", "bo", "--role", "viewer", "--no-password", *where
    )
    assert code == 0
    code, out, _ = call(capsys, "review", "user", "disable", "bo", *where)
    assert (code, out) == (0, "disabled bo\n")
    code, out, _ = call(
        capsys, "review", "user", "password", "ana", "--password-stdin", *where,
        typed="another horse battery staple\n",
    )  # fmt: skip
    assert (code, out) == (0, "changed the password of ana\n")
    code, out, _ = call(capsys, "review", "user", "list", *where)
    first, second = out.splitlines()
    assert first.startswith("admin       ana  password")
    assert first.endswith("may sign in")
    assert second.startswith("viewer      bo  no password")
    assert second.endswith("disabled")
    engine = open_as_it_is(review_url(database))
    with reading(engine) as connection:
        kinds = [event.kind for event in read(connection)]
        assert [member.name for member in members(connection)] == ["ana", "bo"]
    engine.dispose()
    assert kinds == ["person_added", "person_added", "person_disabled", "password_set"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(
            ["--host", "0.0.0.0"],
            "--host 0.0.0.0 lets other machines in, but there is nobody yet who could sign in; add"
            " somebody with `parcelscope review user add NAME --role admin`",
            id="nobody to sign in",
        ),
        pytest.param(["--tls-cert", "c.pem"], "expected tls_cert and tls_key together", id="half"),
        pytest.param(
            ["--tls-cert", "c.pem", "--tls-key", "k.pem"],
            "--tls-cert must be a file in PEM form, got c.pem",
            id="no certificate",
        ),
        pytest.param(["--settings", "no.yaml"], "no.yaml: expected the settings", id="no settings"),
        pytest.param(["nowhere"], "nowhere", id="no run"),
        pytest.param(["--database", "mysql://x/y"], "one of mysql", id="another database"),
        pytest.param(
            ["user", "add", "local", "--role", "admin", "--no-password"],
            "the name 'local' is that of the application itself",
            id="our own name",
        ),
        pytest.param(["user", "disable", "ana"], "there is no person 'ana'", id="nobody"),
    ],
)
def test_what_is_refused_is_one_sentence(
    words: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capsys, "review", *words)
    assert code == 2
    assert says in err
    assert "Traceback" not in err


def test_passwords_are_not_sent_in_the_clear(
    capsys: pytest.CaptureFixture[str], database: str
) -> None:
    where = ("--database", database)
    call(
        capsys, "review", "user", "add", "ana", "--role", "admin", "--password-stdin", *where,
        typed=PASSWORD,
    )  # fmt: skip
    code, _, err = call(capsys, "review", "--host", "0.0.0.0", *where)
    assert code == 2
    assert "would send passwords and addresses unencrypted; give --tls-cert and --tls-key" in err


def test_a_key_that_is_another_certificates_is_refused(
    capsys: pytest.CaptureFixture[str], certificate: tuple[Path, Path], database: str
) -> None:
    cert, _ = certificate
    code, _, err = call(
        capsys, "review", "--database", database, "--tls-cert", cert, "--tls-key", cert
    )
    assert code == 2
    assert "are no certificate and its key" in err


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("colour: red", "colour: Extra inputs are not permitted"),
        ("proxy: {addresses: [nowhere]}", "does not appear to be an IPv4 or IPv6 network"),
        ("oidc: {issuer: 'http://id.example', client_id: x}", "expected an https URL"),
        ("origin: review.example", "expected scheme://host"),
        ("host: 0.0.0.0\noidc: {issuer: 'https://id.example', client_id: x}", "needs `origin`"),
        ("origin: https://review.example", "origin https://review.example lets other machines in"),
        ("- a", "expected the settings of the review as a mapping, got list"),
        ("[", "expected YAML"),
    ],
)
def test_settings_that_do_not_fit_are_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, database: str, told: str, says: str
) -> None:
    file = tmp_path / "review.yaml"
    file.write_text(told)
    code, _, err = call(capsys, "review", "--settings", file, "--database", database)
    assert code == 2
    assert says in err


def test_help_is_that_of_start_and_names_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "review", "--help")
    assert code == 0
    assert "Review what runs flagged, in a browser" in out
    assert "parcelscope review user --help" in out
