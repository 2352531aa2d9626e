"""One process at a time works in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from wristlet.links.folder_lock import FolderInUse, locked


def test_a_folder_is_had_once(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(FolderInUse), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "none"):
        pass
