"""The run folder: complete or not there at all."""

import json
from pathlib import Path

import polars as pl
import pytest

from parcelscope.datasets.embeddings import EMBEDDING_SCHEMA
from parcelscope.datasets.errors import RunError
from parcelscope.pipelines.run_folder import (
    CARD,
    PARTS,
    BundleName,
    RunCard,
    RunCounts,
    TableCounts,
    read_run,
    remove_run,
    require_free,
    sweep,
    write_card,
    write_flags,
    write_part,
)


def card(*, parcels: TableCounts | None = None) -> RunCard:
    none = TableCounts(rows=0, assessed=0, quarantined=0)
    return RunCard(
        run_id="r1",
        feed="feed",
        created="2026-01-01T00:00:00+00:00",
        bundle=BundleName(name="tiny", version="1", digest="0" * 64),
        config={},
        budget=0.02,
        seed=0,
        workers=1,
        versions={},
        counts=RunCounts(
            parcels=parcels or TableCounts(rows=3, assessed=2, quarantined=1),
            cartons=none,
            images=TableCounts(rows=2, assessed=0, quarantined=1, missing=1),
            findings=0,
            not_assessed=0,
            flagged_targeted=0,
            flagged_random=0,
        ),
        timings_s={"read": 0.5, "score": 1.0},
    )


def write_run(folder: Path) -> None:
    parts = [write_flags(folder, pl.DataFrame({"rank": [1]}))]
    for name in PARTS:
        parts.append(write_part(folder, name, 0, pl.DataFrame({"n": [1, 2]})))
        parts.append(write_part(folder, name, 1, pl.DataFrame({"n": [3]})))
    write_card(folder, card().model_copy(update={"parts": tuple(parts)}))


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    run = read_run(tmp_path / "run")
    assert run.card.model_copy(update={"parts": None}) == card()
    assert run.card.total_s == 1.5
    assert run.findings["n"].to_list() == [1, 2, 3]
    assert run.flags["rank"].to_list() == [1]


def test_counts_that_do_not_add_up_are_refused_by_name(tmp_path: Path) -> None:
    wrong = card(parcels=TableCounts(rows=3, assessed=1, quarantined=1))
    with pytest.raises(RunError, match=r"table parcels: expected 3 rows .* got 2"):
        write_card(tmp_path, wrong)
    assert not (tmp_path / CARD).exists()


def test_what_no_ledger_lists_is_not_read(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    write_part(tmp_path / "run", "findings", 2, pl.DataFrame({"n": [4]}))
    assert read_run(tmp_path / "run").findings["n"].to_list() == [1, 2, 3]


def test_the_parts_of_a_run_of_an_early_release_are_listed(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    write_card(tmp_path / "run", card())
    assert read_run(tmp_path / "run").findings["n"].to_list() == [1, 2, 3]


def test_a_sweep_takes_what_was_left_over_and_nothing_else(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    parts = read_run(tmp_path / "run").card.parts
    assert parts is not None
    orphan = tmp_path / "run" / "findings" / "part-00007.parquet"
    aside = tmp_path / "run" / "findings" / ".part-00001.parquet.a1b2c3d4.part"
    note = tmp_path / "run" / "findings" / "note.txt"
    for path in (orphan, aside, note):
        path.write_bytes(b"x")
    sweep(tmp_path / "run", parts)
    assert not orphan.exists()
    assert not aside.exists()
    assert note.exists()
    assert read_run(tmp_path / "run").findings.height == 3


def test_a_run_is_deleted_and_what_others_put_beside_it_is_not(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "run" / "evaluation.json").write_bytes(b"{}")
    remove_run(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["evaluation.json"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_bytes(b"years of work")
    for refuses in (require_free, remove_run):
        with pytest.raises(RunError, match="expected an empty or new folder"):
            refuses(tmp_path)
    assert (tmp_path / "thesis.docx").read_bytes() == b"years of work"


def test_a_file_cannot_be_a_run_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(b"")
    with pytest.raises(RunError, match="expected a folder for the run, got a file"):
        require_free(tmp_path / "run")


def test_a_folder_without_the_card_is_no_run(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "run" / CARD).unlink()
    with pytest.raises(RunError, match=r"expected a complete run with a run\.json, found none"):
        read_run(tmp_path / "run")


def test_a_card_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    path = tmp_path / "run" / CARD
    path.write_text(json.dumps({**json.loads(path.read_text()), "surprise": 1}))
    with pytest.raises(RunError, match=r"run\.json: surprise: "):
        read_run(tmp_path / "run")


@pytest.mark.parametrize("name", [name for name in PARTS if name != "embeddings"])
def test_a_missing_part_is_named(tmp_path: Path, name: str) -> None:
    write_run(tmp_path / "run")
    for part in (tmp_path / "run" / name).iterdir():
        part.unlink()
    with pytest.raises(RunError, match=r"part-00000\.parquet: the run lists this file"):
        read_run(tmp_path / "run")
    write_card(tmp_path / "run", card())
    with pytest.raises(RunError, match=f"{name}: expected at least part-00000"):
        read_run(tmp_path / "run")


def test_runs_of_earlier_releases_have_no_embeddings(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    for part in (tmp_path / "run" / "embeddings").iterdir():
        part.unlink()
    write_card(tmp_path / "run", card())
    assert read_run(tmp_path / "run").embeddings.schema == EMBEDDING_SCHEMA


def test_a_part_cut_short_is_named(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    part = tmp_path / "run" / "findings" / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(RunError, match=r"part-00001\.parquet: cannot be read as Parquet"):
        read_run(tmp_path / "run")
