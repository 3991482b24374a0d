"""A scoring machine never installs torch: nothing on the scoring path may import it."""

import importlib.util
import subprocess
import sys

import pytest

SCORING_PATH = """
import importlib, pkgutil, sys
import parcelscope.datasets, parcelscope.inference, parcelscope.screening

imported = []
for package in (parcelscope.datasets, parcelscope.inference, parcelscope.screening):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name in OFFLINE:
            continue
        importlib.import_module(module.name)
        imported.append(module.name)
if importlib.util.find_spec("parcelscope.pipelines.screen") is not None:
    importlib.import_module("parcelscope.pipelines.screen")
print(len(imported))
assert "parcelscope.inference.engine" in imported
assert "torch" not in sys.modules, sorted(name for name in sys.modules if "torch" in name)
"""
# Rebuilds a table that ships with the package; needs the [tables] extra, and no scoring imports it.
OFFLINE = {"parcelscope.datasets.xray.build_tables"}


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not there to be imported by mistake"
)
def test_no_module_of_the_scoring_path_imports_torch() -> None:
    run = subprocess.run(
        [sys.executable, "-c", f"OFFLINE = {OFFLINE!r}\n{SCORING_PATH}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 20
