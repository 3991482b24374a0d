import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / ".typing")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        pytest.param("datasets", "import parcelscope.inference.engine", id="upwards"),
        pytest.param("inference", "import torch", id="torch"),
    ],
)
def test_a_forbidden_import_is_noticed(tmp_path: Path, folder: str, line: str) -> None:
    copy = tmp_path / "repo"
    shutil.copytree(
        ROOT,
        copy,
        symlinks=True,
        ignore=shutil.ignore_patterns(".git", ".venv*", "runs", "tests", "*.npz", "*.onnx"),
    )
    (copy / folder / "planted.py").write_text(f"{line}\n")
    result = lint(copy)
    assert result.returncode != 0
    assert "planted" in result.stdout
