"""One exit code per kind of outcome, and a message that says what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from wristlet.cli.main import app
from wristlet.cli.output import Exit, exit_for
from wristlet.crypto.errors import KeyStoreError, SealError
from wristlet.links.channel import LinkLost

NEW = "se new --state {dir}/se --owner {dir}/owner.keys --seal-key {dir}/se.key"
RUN = "se run --state {dir}/se --seal-key {dir}/se.key --sockets {dir}/s"
SWITCH = "serve switch --state {dir} --seal-key {dir}/open.key --routes {dir}/routes.json"
LIST, APDU = "se list --sockets {dir}/nobody", "se apdu --url unix:{dir}/nobody.sock"

# Command line, exit code, what the message must say.
TABLE = [
    ("decode sw 9000", Exit.OK, ""),
    ("test cards", Exit.OK, "None of these numbers belongs to anybody"),
    ("decode tlv 84", Exit.FAILURE, "TLV: "),
    ("decode sw 90000", Exit.USAGE, "give pairs"),
    ("no-such-command", Exit.USAGE, "No such command"),
    (NEW, Exit.USAGE, "give one, or --sandbox for test roots"),
    (NEW + " --sandbox --profile {dir}/routes.json", Exit.USAGE, "profile field"),
    (NEW.replace("/se.key", "/se/se.key") + " --sandbox", Exit.USAGE, "put it elsewhere"),
    (NEW + " --profile {dir}/none.json", Exit.NOT_FOUND, "use --sandbox for test roots"),
    (RUN, Exit.NOT_FOUND, "make one with se new"),
    ("se bridge --sockets {dir}", Exit.USAGE, "name --vpcd-wired or --vpcd-contactless"),
    ("se bridge --sockets {dir} --vpcd-wired 35963", Exit.USAGE, "write HOST:PORT"),
    ("se bridge --sockets {dir} --vpcd-wired a:1 --atr 00", Exit.USAGE, "3B or 3F"),
    ("se bridge --sockets {dir} --vpcd-wired a:1 --atr x", Exit.USAGE, "--atr: not hex"),
    (LIST, Exit.NETWORK, "start it with se run"),
    (APDU + " A4", Exit.NETWORK, "link: "),
    (APDU + " A4:4", Exit.USAGE, "character 5: DATA lacks a digit"),
    ("se apdu --url nobody A4", Exit.USAGE, "use unix:PATH, tcp:HOST:PORT or pcsc:READER"),
    ("tap --amount 1 --url unix:{dir}/nobody.sock", Exit.NETWORK, "is the secure element running?"),
    ("tap --amount 1 --url nobody:", Exit.USAGE, "use unix:PATH, tcp:HOST:PORT or pcsc:READER"),
    ("strap run --sockets {dir}/no", Exit.NOT_FOUND, "name the one of se run"),
    ("serve wallet --state {dir}/no --seal-key x --tsp http://x", Exit.NOT_FOUND, "demo --keep"),
    (SWITCH + " --peer tsp", Exit.USAGE, "--peer: write NAME=HOST:PORT"),
    (SWITCH + " --peer tsp=a:1", Exit.AUTH, "run chmod 600"),
    (SWITCH.replace("open", "good") + " --peer tsp=a:1", Exit.NOT_FOUND, "key store"),
    ("demo --keep {dir}", Exit.CONFLICT, "name a new folder"),
]


def wristlet(line: str, folder: Path) -> Result:
    return CliRunner().invoke(app, [word.format(dir=folder) for word in line.split()])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "routes.json").write_text('{"9999": "issuer"}')
    for name, mode in (("open.key", 0o644), ("good.key", 0o600)):
        (tmp_path / name).write_bytes(bytes(32))
        (tmp_path / name).chmod(mode)
    return tmp_path


@pytest.mark.parametrize(("line", "code", "says"), TABLE)
def test_how_it_ends_and_what_it_says(line: str, code: Exit, says: str, folder: Path) -> None:
    ended = wristlet(line, folder)
    assert (ended.exit_code, says in ended.stderr) == (code, True), ended.output
    assert not code or not ended.stdout or line.startswith("decode tlv")
    assert isinstance(ended.exception, SystemExit | None)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SealError(), Exit.AUTH),
        (KeyStoreError(), Exit.NOT_FOUND),
        (FileNotFoundError(), Exit.NOT_FOUND),
        (FileExistsError(), Exit.CONFLICT),
        (LinkLost(), Exit.NETWORK),
        (LookupError(), Exit.NETWORK),
        (ValueError(), Exit.USAGE),
        (PermissionError(), Exit.FAILURE),
        (RuntimeError(), Exit.FAILURE),
    ],
)
def test_every_kind_of_error_has_its_code(error: Exception, code: Exit) -> None:
    assert exit_for(error) is code
