"""Help comes fast: nothing but the command line itself is loaded for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from wristlet import __version__
from wristlet.cli.main import app
from wristlet.cli.output import Exit

LOADED = """
import sys
from wristlet.cli.main import main
sys.argv = ["wristlet", *{words!r}]
try:
    main()
except SystemExit as ended:
    assert not ended.code
sys.stderr.write(" ".join(sys.modules))
"""


@pytest.mark.parametrize("words", [["--help"], ["se", "--help"], ["serve", "tsp", "--help"]])
def test_help_loads_the_command_line_only(words: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOADED.format(words=words)],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = run.stderr.split()
    ours = {name for name in loaded if name.startswith("wristlet.")}
    assert {name for name in ours if not name.startswith("wristlet.cli")} == set()
    assert {"asyncio", "json", "rich", "sqlite3"} & set(loaded) == set()
    assert "Usage: wristlet" in run.stdout


def test_a_command_alone_shows_its_help_and_its_version_is_one() -> None:
    for words in ([], ["se"], ["serve"], ["decode"], ["test"]):
        shown = CliRunner().invoke(app, words)
        assert shown.exit_code == Exit.USAGE
        assert "Usage: " in shown.output
    assert CliRunner().invoke(app, ["--version"]).stdout == f"wristlet {__version__}\n"


def test_a_misspelt_command_is_guessed() -> None:
    shown = CliRunner().invoke(app, ["decod"])
    assert shown.exit_code == Exit.USAGE
    assert "decode" in shown.stderr
