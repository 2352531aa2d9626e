"""Programs of others over PC/SC: pcscd and vpcd of Debian, pyscard, pyemv, yubikit.

The card is made by our own chain: keys born inside, phone paired, PIN set, two cards personalised
by SCP11c scripts. What reads it knows nothing of this project.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support import needs, pcsc_room
from support.payment_cards import K2, K3, PIN, CardData, issuer_view
from support.se_cards import (
    HostSession,
    Rig,
    open_scp11a,
    owner_store,
    profile,
    run,
)
from wristlet.crypto.seal import read_seal_key
from wristlet.env.real import real_env
from wristlet.env.sim import SimEnv
from wristlet.se.card import Card
from wristlet.se.create import create
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.install import InstallForInstall, instance_parameters
from wristlet.wire.gp.lifecycle import ContactlessState

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.outside, pytest.mark.xdist_group("pcsc")]
EMV_ATR = "3B80800101"
ARQC = "80"
CLIENT = "support.pcsc_client"


def personalise(rig: Rig, number: int, card: CardData) -> None:
    """Run the token service's script for one card."""
    aid = aids.instance_aid(card.product.registered_aid, number)
    parameters = instance_parameters(ContactlessState.DEACTIVATED)
    fields = InstallForInstall(
        aids.PAYMENT_PACKAGE, card.product.module_aid, aid, parameters=parameters
    )
    draft = rig.draft(number)
    draft.add(commands.install_for_install(fields))
    groups = [Dgi(group, value) for group, value in sorted(card.dgis().items())]
    draft.personalize(aid, groups, card.product.secret_numbers)
    assert run(rig.wired, draft.finish().script.apdus)[-1].ok


def client() -> Any:
    """The outside program's module; pyscard is not there where only the quick tests run."""
    from support import pcsc_client

    return pcsc_client


def element(folder: Path) -> tuple[Path, Path]:
    """A secure element on disk with a card of each kernel; gives its folder and seal key."""
    state, key_file = folder / "se", folder / "se.key"
    key_file.write_bytes(bytes(range(32)))
    key_file.chmod(0o600)
    key, env = read_seal_key(key_file), SimEnv(1)
    owner = owner_store(env)
    counter = str(folder / "se.counter")
    identity = create(
        real_env(), str(state), key, owner, profile(), sandbox=True, counter_path=counter
    )
    card = Card.open(real_env(), str(state), key, sandbox=True, counter_path=counter)
    rig = Rig(env, owner, identity, card)
    rig.enrol_phone()
    phone = open_scp11a(rig)
    assert isinstance(phone, HostSession)
    assert phone.send(commands.create_pin(PIN)).ok
    personalise(rig, 1, K3)
    personalise(rig, 2, K2)
    return state, key_file


def visit(folder: Path, *client: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a room with a fresh element."""
    needs("pcscd", "vsmartcard-vpcd", "util-linux", "iproute2", "pyscard")
    state, key = element(folder)
    return subprocess.run(
        pcsc_room.enter(state, key, folder / "sockets", *client),
        env=pcsc_room.surroundings(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the outside programs saw; all of them run in one room."""
    done = visit(tmp_path_factory.mktemp("pcsc"), sys.executable, "-m", CLIENT)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def part(report: dict[str, Any], name: str) -> Any:
    """One program's part, or its traceback as the failure."""
    found = report[name]
    if "failed" in found:
        pytest.fail(found["failed"])
    return found


def recomputed(kernel: int, answer: dict[str, str], aip: str) -> str:
    """The cryptogram as pyemv makes it from the issuer's key and what was seen."""
    names = ("9F02", "9F03", "9F1A", "95", "5F2A", "9A", "9C", "9F37")
    seen = {name: client().TERMINAL[name] for name in names}
    seen |= {"82": aip, "9F36": answer["9F36"]}
    fields = {f"tag_{name.lower()}": bytes.fromhex(value) for name, value in seen.items()}
    iad = bytes.fromhex(answer["9F10"])
    covered = {"tag_9f10": iad} if kernel == 3 else {"cvr": iad[2:8], "counters": iad[10:18]}
    made: bytes = issuer_view(kernel).generate_ac(**fields, **covered)
    return made.hex().upper()


def test_both_interfaces_are_readers_with_the_atr_of_the_user(report: dict[str, Any]) -> None:
    slots = part(report, "slots")
    assert slots == {client().WIRED: EMV_ATR, client().CONTACTLESS: EMV_ATR}


def test_kernel_3_is_read_from_the_directory_to_the_cryptogram(report: dict[str, Any]) -> None:
    seen = part(report, "kernel_3")
    assert seen["switched"] == {"aid": seen["aid"], "sw": "9000"}
    assert seen["aid"] == "A000000003101000000001"
    answer = seen["answer"]
    assert answer["9F27"] == ARQC
    assert answer["9F26"] == recomputed(3, answer, answer["82"])


def test_kernel_2_is_read_from_the_directory_to_the_cryptogram(report: dict[str, Any]) -> None:
    seen = part(report, "kernel_2")
    assert seen["aid"] == "A000000004101000000002"
    assert seen["records"]["5A"] == "9998000000000025"
    assert seen["answer"]["9F27"] == ARQC
    assert seen["answer"]["9F26"] == recomputed(2, seen["answer"], seen["options"]["82"])


def test_foreign_applications_are_not_found(report: dict[str, Any]) -> None:
    for answers in part(report, "foreign").values():
        assert set(answers.values()) == {"6A82"}
        assert len(answers) == 20


def test_odd_commands_get_status_words_and_move_no_counter(report: dict[str, Any]) -> None:
    seen = part(report, "odd")
    first = int(part(report, "kernel_3")["answer"]["9F36"], 16)
    assert int(seen["next"], 16) == first + 1
    refused = {text: sw for text, (data, sw) in seen["answers"].items() if sw != "9000"}
    assert all(sw[:2] in {"67", "69", "6A", "6D", "6E"} for sw in refused.values()), refused
    served = {text for text in seen["answers"] if text not in refused}
    assert served == {"GET DATA of the counter"}


def test_yubikit_opens_scp03_on_the_wired_reader(report: dict[str, Any]) -> None:
    seen = part(report, "scp03")
    assert aids.TSP_DOMAIN.hex().upper() in seen["registry"]
    assert seen["chain"] == "3"


def test_our_own_commands_reach_the_card_by_the_name_of_its_reader(tmp_path: Path) -> None:
    wristlet, aid = f"{sys.executable} -m wristlet", aids.instance_aid(aids.KERNEL_3, 1).hex()
    lines = (
        f"{wristlet} se apdu --url 'pcsc:PCD 00 00' A40400:{aids.CRS.hex()}= 80F00101:4F0B{aid}=",
        f"{wristlet} tap --url 'pcsc:PCD 00 01' --amount 480 --currency EUR --json",
        f"{wristlet} se apdu --url pcsc:nobody A4 || test $? = 6",
    )
    done = visit(tmp_path, "sh", "-ec", "\n".join(lines))
    assert done.returncode == 0, done.stderr
    selected, activated, *outcome = done.stdout.splitlines()
    assert (selected[:4], activated) == ("9000", "9000")
    assert json.loads("\n".join(outcome))["aid"] == aid.upper()
    assert "no reader is called 'nobody'; present: Virtual PCD 00 00, " in done.stderr
