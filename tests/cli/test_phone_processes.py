"""A newcomer with `wristlet phone` and a kept sandbox: every command against running processes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from support.city_story import PIN
from support.strap_hand import press_until
from wristlet.cli.main import app
from wristlet.cli.output import Exit
from wristlet.env.real import real_env
from wristlet.lab import kept
from wristlet.lab.processes import running_stack
from wristlet.lab.second_screen import touch
from wristlet.model.testcards import AOBA, KITA, OTP_RIGHT, Outcome, find_card

pytestmark = pytest.mark.slow


class Shell:
    """Runs commands in a thread, so that the sandbox of this loop goes on."""

    def __init__(self, root: Path, state: str) -> None:
        self.root = root
        self.state = root.parent / state

    async def run(self, *words: str, typed: str = "", code: Exit = Exit.OK) -> Result:
        line = [*words, "--state", str(self.state)]
        ended = await asyncio.to_thread(CliRunner().invoke, app, ["phone", *line], input=typed)
        assert ended.exit_code == code, (words, ended.output, ended.exception)
        return ended

    async def json(self, *words: str, code: Exit = Exit.OK) -> Any:
        return json.loads((await self.run(*words, "--json", code=code)).stdout)

    async def sign_in(self, name: str) -> None:
        token = await kept.new_session(self.root)
        brand = str(self.root / kept.BRAND_FILE)
        await self.run("sign-in", "--brand", brand, "--name", name, typed=token)


def typed(bank: Any, outcome: Outcome) -> str:
    card = find_card(bank, outcome)
    return f"{card.number.reveal()}\n12/30\n{card.security_code.reveal()}\n"


async def pair(shell: Shell, places: kept.Places) -> None:
    control = Path(places.strap_control)
    code = (await touch(control, "pair"))["code"]
    words = ("pair", "--link", places.strap_link, "--name", "Mika's strap", "--code", code)
    pairing: asyncio.Task[Result] = asyncio.create_task(shell.run(*words, "--yes"))
    await press_until(pairing, control)
    shown = await pairing
    assert "wristlet-se-1, genuine by its maker" in shown.stderr
    assert "compare: the strap shows" in shown.stderr


async def test_a_newcomers_evening(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    root.mkdir()
    async with running_stack(real_env(), root) as (stack, bench):
        places = kept.read(root)
        mine = Shell(root, "mine")
        await mine.sign_in("Mika's phone")
        await pair(mine, places)
        await mine.run("pin", "set", typed=f"{PIN}\n")
        await mine.run("card", "add", "--accept-terms", typed=typed(AOBA, Outcome.GREEN))
        wanted = typed(KITA, Outcome.YELLOW_SMS) + f"{OTP_RIGHT}\n"
        added = await mine.run("card", "add", "--accept-terms", typed=wanted)
        assert "Ready" in added.stdout
        cards = await mine.json("card", "list")
        assert [one["se_state"] for one in cards] == ["selected", "ready"]
        await mine.run("card", "use", cards[1]["card"]["card_last4"])
        assert (await bench.tap(480)).kernel == 2
        await mine.run("pin", "unlock", typed="111999\n", code=Exit.AUTH)
        await mine.run("pin", "unlock", typed=f"{PIN}\n")
        lock = await mine.json("pin", "status")
        assert (lock["lock"], lock["taps_left"]) == ("open", 20)
        await away(mine, stack, cards[0]["card"]["card_last4"])
        await second_phone(Shell(root, "tablet"), mine, places)
        await the_strap_itself(mine)


async def the_strap_itself(mine: Shell) -> None:
    """Sync, find, message, activity."""
    synced = await mine.json("sync")
    assert all(not one["open"] for one in synced), synced
    assert {"face", "messages", "activity"} <= {one["name"] for one in synced}
    assert "it buzzes" in (await mine.run("strap", "find", "--seconds", "5")).stdout
    status = await mine.json("strap", "status")
    assert (status["mode"], status["is_finding"], status["pin_set"]) == ("normal", True, True)
    assert "it is quiet" in (await mine.run("strap", "find", "--seconds", "0")).stdout
    sent = await mine.json("notify", "--title", "Meiko", "--body", "Dinner at seven?")
    assert sent == {"accepted": True, "sent": True, "reason": ""}
    days = await mine.json("activity", "show", "--days", "2")
    assert len(days) == 2
    week = mine.state.parent / "week.csv"
    await mine.run("activity", "export", str(week))
    assert week.read_text().startswith("start,utc_s")
    await mine.run("activity", "export", str(week), code=Exit.CONFLICT)


async def away(mine: Shell, stack: Any, last4: str) -> None:
    """The server is down: what waits, says so; then it is handed in."""
    await stack.stop_wallet()
    kept_back = await mine.json("card", "suspend", last4, code=Exit.PARTIAL)
    assert kept_back["ending"] == "queued"
    waiting = await mine.json("queue", "list")
    assert [one["what"] for one in waiting["waiting"]] == ["suspend"]
    await mine.run("queue", "cancel", kept_back["queue_id"], code=Exit.CONFLICT)
    shown = await mine.run("card", "list")
    assert "shown as last read" in shown.stderr
    await mine.run("card", "add", typed=typed(AOBA, Outcome.GREEN), code=Exit.NETWORK)
    await stack.start_wallet()
    await mine.run("sync")
    cards = await mine.json("card", "list")
    assert [one["card"]["state"] for one in cards] == ["suspended", "active"]
    await mine.run("card", "resume", last4)
    assert (await mine.json("queue", "list")) == {"waiting": [], "refused": []}


async def second_phone(tablet: Shell, mine: Shell, places: kept.Places) -> None:
    """A second phone asks, joins, reports the loss; the first one finds and shuts it out."""
    await tablet.sign_in("tablet")
    code = (await tablet.json("phones", "ask"))["code"]
    join = ("phones", "join", "--link", places.strap_link, "--yes")
    early = asyncio.create_task(tablet.run(*join, code=Exit.FAILURE))
    await press_until(early, Path(places.strap_control))
    assert "does not accept this phone" in (await early).stderr
    await mine.run("phones", "add", code)
    assert (await tablet.json(*join)) == {"cards": 2}
    lost = await tablet.run("strap", "lost", "Mika's strap")
    assert "plastic cards still work" in lost.stdout
    assert (await mine.json("strap", "list"))[0]["state"] == "lost"
    await mine.run("strap", "found")
    phones = await mine.json("phones", "list")
    other = next(one for one in phones if not one["is_this"])
    assert (other["name"], other["is_on_strap"]) == ("tablet", True)
    await mine.run("phones", "revoke", other["id"])
    await tablet.run("pin", "unlock", typed=f"{PIN}\n", code=Exit.FAILURE)
