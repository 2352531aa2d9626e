"""The command line's reference page is what the command line says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from wristlet.cli.output import EXIT_CODES, Exit

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_the_reference_page_is_current(tmp_path: Path) -> None:
    fresh = tmp_path / "cli.md"
    words = ("wristlet.cli.main", "utils", "docs", "--name", "wristlet", "--output", str(fresh))
    subprocess.run([sys.executable, "-m", "typer", *words], check=True, capture_output=True)
    assert PAGE.read_text() == fresh.read_text(), "run `make docs-cli`"


def test_the_help_names_every_exit_code() -> None:
    numbers = [int(word) for word in EXIT_CODES.replace(".", "").split() if word.isdigit()]
    assert numbers == [int(code) for code in Exit]
    assert EXIT_CODES in PAGE.read_text()
