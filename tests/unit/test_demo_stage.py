"""Where the demo leaves its journal: an empty folder, or that of an earlier demo; nothing else is ever overwritten."""

from pathlib import Path

import pytest

from coordinator.demo.stage import ORIGIN, clear_journal
from coordinator.model.errors import ConfigurationError


def publish(folder: Path, origin: str) -> None:
    (folder / "tile" / "0").mkdir(parents=True)
    (folder / "tile" / "0" / "000").write_bytes(b"hashes")
    (folder / "checkpoint").write_text(f"{origin}\n", encoding="utf-8")
    (folder / "vkey").write_text(f"{origin}+00000000+key\n", encoding="utf-8")


def test_a_folder_that_is_not_there_or_is_empty_is_left_as_it_is(tmp_path: Path) -> None:
    clear_journal(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    clear_journal(tmp_path)
    assert tmp_path.is_dir()


def test_the_journal_of_an_earlier_demo_makes_room(tmp_path: Path) -> None:
    publish(tmp_path, ORIGIN)
    clear_journal(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more", ["notes.txt", ""])
def test_any_other_journal_or_file_is_kept(tmp_path: Path, more: str) -> None:
    publish(tmp_path, ORIGIN if more else "coordination.mo.example/missouri")
    if more:
        (tmp_path / more).write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="choose another --out"):
        clear_journal(tmp_path)
    assert (tmp_path / "tile" / "0" / "000").read_bytes() == b"hashes"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is no folder"):
        clear_journal(tmp_path / "out")
