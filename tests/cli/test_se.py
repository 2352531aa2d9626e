"""Making, looking at and talking to a secure element by commands, over real sockets."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import stat
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from support import se_cards
from wristlet.cli.main import app
from wristlet.cli.output import Exit
from wristlet.crypto.seal import read_seal_key
from wristlet.env.real import real_env
from wristlet.links.apdu_socket import CardServer
from wristlet.se.card import Card, SandboxKeysError
from wristlet.se.journal import StoreCorruptError
from wristlet.wire.gp import aids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wristlet.links.channel import CardPort

SELECT_ISD = f"A40400:{aids.ISD.hex()}"


def se(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["se", *map(str, words)])


def new(folder: Path, name: str = "se", *more: str) -> Result:
    keys = ("--owner", folder / "owner.keys", "--seal-key", folder / f"{name}.key")
    return se("new", "--state", folder / name, *keys, *more)


@contextmanager
def served(path: Path, port: CardPort) -> Iterator[None]:
    """A card on a Unix socket, in a thread of its own: the commands run loops themselves."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = CardServer(port)
    asyncio.run_coroutine_threadsafe(server.start(listener), loop).result(10)
    try:
        yield
    finally:
        path.unlink()
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_new_makes_keys_and_says_where(tmp_path: Path) -> None:
    made, keep = new(tmp_path, "se", "--sandbox"), "(keep it: without it nothing opens)"
    assert made.exit_code == Exit.OK
    assert made.stderr.splitlines() == [
        f"made the secure element's seal key: {tmp_path}/se.key {keep}",
        f"made the owner's seal key: {tmp_path}/owner.key {keep}",
        f"made the owner's key store: {tmp_path}/owner.keys",
        f"made the rollback counter: {tmp_path}/se.counter (keep it apart from the state)",
    ]
    for name in ("se.key", "owner.key", "owner.keys"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert (tmp_path / "se.key").read_bytes() != (tmp_path / "owner.key").read_bytes()


def test_new_again_is_a_conflict_and_a_second_one_shares_the_owner(tmp_path: Path) -> None:
    first = new(tmp_path, "se", "--sandbox", "--json")
    again = new(tmp_path, "se", "--sandbox")
    assert again.exit_code == Exit.CONFLICT
    assert "holds a secure element already" in again.stderr
    second = new(tmp_path, "other", "--sandbox", "--json")
    assert "owner" not in second.stderr
    cards = [opened(tmp_path, name, sandbox=True) for name in ("se", "other")]
    assert [card.se_id.hex() for card in cards] == [
        json.loads(made.stdout)["se_id"] for made in (first, second)
    ]
    assert cards[0].profile == cards[1].profile


def test_a_profile_makes_one_of_ones_own_and_the_sandbox_only_opens_as_such(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text(se_cards.profile(max_instances=3).to_json())
    made = new(tmp_path, "se", "--profile", str(tmp_path / "profile.json"))
    assert made.exit_code == Exit.OK, made.stderr
    assert opened(tmp_path, "se").profile.max_instances == 3
    assert new(tmp_path, "other", "--sandbox").exit_code == Exit.OK
    with pytest.raises(SandboxKeysError):
        opened(tmp_path, "other")


def test_an_older_folder_put_back_does_not_open(tmp_path: Path) -> None:
    assert new(tmp_path, "se", "--sandbox").exit_code == Exit.OK
    shutil.copytree(tmp_path / "se", tmp_path / "older")
    opened(tmp_path, "se", sandbox=True)
    shutil.rmtree(tmp_path / "se")
    shutil.copytree(tmp_path / "older", tmp_path / "se")
    with pytest.raises(StoreCorruptError):
        opened(tmp_path, "se", sandbox=True)


def test_a_counter_is_neither_shared_nor_kept_in_the_state(tmp_path: Path) -> None:
    assert new(tmp_path, "se", "--sandbox").exit_code == Exit.OK
    taken = new(tmp_path, "other", "--sandbox", "--counter", str(tmp_path / "se.counter"))
    assert (taken.exit_code, "another element" in taken.stderr) == (Exit.CONFLICT, True)
    inside = new(tmp_path, "other", "--sandbox", "--counter", str(tmp_path / "other" / "counter"))
    assert inside.exit_code != Exit.OK
    assert "put it elsewhere" in inside.stderr


def opened(folder: Path, name: str, *, sandbox: bool = False) -> Card:
    """Open an element as `se run` does."""
    return Card.open(
        real_env(),
        str(folder / name),
        read_seal_key(folder / f"{name}.key"),
        sandbox=sandbox,
        counter_path=str(folder / f"{name}.counter"),
    )


def test_another_owner_key_does_not_open_the_owners_store(tmp_path: Path) -> None:
    assert new(tmp_path, "se", "--sandbox").exit_code == Exit.OK
    refused = new(tmp_path, "other", "--sandbox", "--owner-key", str(tmp_path / "wrong.key"))
    assert refused.exit_code == Exit.AUTH
    assert "another seal key" in refused.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("crs", ["strap", "open"])
def test_list_shows_identity_pin_lease_and_cards(tmp_path: Path, crs: str) -> None:
    rig = se_cards.volatile(crs=crs)
    with served(tmp_path / "wired.sock", rig.wired):
        empty = se("list", "--sockets", tmp_path, "--json")
    assert json.loads(empty.stdout) == {
        "se_id": rig.identity.se_id.hex(),
        "pin": "not set",
        "lease": "none",
        "phones": 0,
        "cards": [],
    }
    rig.enrol_phone()
    rig.set_pin()
    for index in range(1, 15):
        script = rig.perso_script(index, index, locked=index == 2).script
        assert len(se_cards.run(rig.wired, script.apdus)) == len(script.apdus)
    with served(tmp_path / "wired.sock", rig.wired):
        shown = se("list", "--sockets", tmp_path)
    assert shown.exit_code == Exit.OK
    assert shown.stderr.startswith(f"secure element {rig.identity.se_id.hex()}, PIN set, ")
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert rows[0] == ["instance", "kernel", "state"]
    assert sorted(rows[1:]) == [
        [se_cards.instance(n).hex().upper(), "3", "non-activatable" if n == 2 else "deactivated"]
        for n in range(1, 15)
    ]


def test_list_of_something_else_says_what_was_refused(tmp_path: Path) -> None:
    with served(tmp_path / "wired.sock", se_cards.volatile().contactless):
        shown = se("list", "--sockets", tmp_path)
    assert shown.exit_code == Exit.FAILURE
    assert "SELECT of the issuer domain was answered 6A82" in shown.stderr


def test_apdu_prints_each_answer(tmp_path: Path) -> None:
    rig = se_cards.volatile()
    url = f"unix:{tmp_path}/wired.sock"
    with served(tmp_path / "wired.sock", rig.wired):
        shown = se("apdu", "--url", url, f"{SELECT_ISD}/00=", "80CA0045/00=9000", "CA00FF=6A88")
        as_json = se("apdu", "--json", "--url", url, SELECT_ISD, "80CA0045/00")
    lines = shown.stdout.splitlines()
    assert (shown.exit_code, len(lines)) == (Exit.OK, 3)
    assert lines[1] == f"9000 4510{rig.identity.se_id.hex().upper()}"
    answers = json.loads(as_json.stdout)
    assert answers[1] == {
        "command": "80CA004500",
        "sw": "9000",
        "meaning": "Done.",
        "data": f"4510{rig.identity.se_id.hex().upper()}",
    }


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_unexpected_status_word_ends_with_7_behind_the_answers(
    tmp_path: Path, form: tuple[str, ...]
) -> None:
    with served(tmp_path / "wired.sock", se_cards.volatile().wired):
        url = f"unix:{tmp_path}/wired.sock"
        shown = se("apdu", *form, "--url", url, SELECT_ISD, "A40400:F00102030405=", "80CA0045")
    assert shown.exit_code == Exit.EXPECTATION
    assert shown.stdout.count("6A82") == 1
    assert "was answered 6A82, expected 9000. No such application" in shown.stderr
    assert "80CA0045" not in shown.output
