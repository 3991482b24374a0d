import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "configs", "datasets", "inference", "models", "pipelines", "review", "screening", "training",
)  # fmt: skip


def test_every_folder_with_code_is_in_the_wheel() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    with_code = {
        "parcelscope." + ".".join(path.parent.relative_to(ROOT).parts)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }
    assert with_code == set(table["packages"])


def test_type_checkers_see_every_folder() -> None:
    assert {link.name for link in (ROOT / ".typing" / "parcelscope").iterdir()} == set(FOLDERS)


def test_datasets_does_not_shadow_the_package_of_that_name() -> None:
    assert not (ROOT / "datasets" / "__init__.py").exists()
