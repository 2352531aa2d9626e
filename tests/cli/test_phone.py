"""`wristlet phone`: exit codes and words without a server, then a whole life with processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from wristlet.cli.main import app
from wristlet.cli.output import Exit
from wristlet.cli.phone.common import code_of
from wristlet.companion import errors
from wristlet.companion.folder import PhoneInUse, SignedOut
from wristlet.crypto import ec
from wristlet.crypto.x509chain import Issuer, Validity
from wristlet.links.folder_lock import locked

TOKEN = "ws_test"
LINK = "unix:/nobody.sock"


def phone(line: str, folder: Path, typed: str = "") -> Result:
    words = [word.replace("%", " ") for word in line.split()]
    state = ["--state", str(folder / "phone")]
    return CliRunner().invoke(app, ["phone", *words, *state], input=typed)


@pytest.fixture
def brand(tmp_path: Path) -> Path:
    """A brand whose server is nowhere."""
    key = ec.private_key(bytes(31) + b"\x01")
    root = Issuer.root(key, "root", Validity(0, 4_000_000_000_000), 1).certificate.hex()
    build = {
        "brand": "Aurora Straps",
        "wallet_url": "http://127.0.0.1:9",
        "card_data_root": root,
        "maker_root": root,
    }
    path = tmp_path / "brand.json"
    path.write_text(json.dumps(build))
    return path


@pytest.fixture
def signed_in(tmp_path: Path, brand: Path) -> Path:
    assert phone(f"sign-in --brand {brand}", tmp_path, TOKEN + "\n").exit_code == Exit.OK
    return tmp_path


# Command line, what is typed, exit code, what the message must say.
TABLE = [
    ("strap list", "", Exit.OK, "shown as last read"),
    ("card list", "", Exit.NOT_FOUND, "pair it first"),
    ("card use 0001", "", Exit.NOT_FOUND, "pair it first"),
    ("pin set", "482615\n", Exit.NOT_FOUND, "pair it first"),
    ("pin set", "", Exit.USAGE, "new PIN: nothing left to read"),
    ("pin change", "482615\n", Exit.USAGE, "new PIN: nothing left to read"),
    ("card add --secrets nofile", "", Exit.NOT_FOUND, "cannot be read"),
    ("sync", "", Exit.NOT_FOUND, "pair it first"),
    ("queue list", "", Exit.OK, ""),
    ("queue cancel q1", "", Exit.CONFLICT, "Nothing of that number waits"),
    ("strap lost dev_x", "", Exit.NOT_FOUND, "pair it first"),
    ("phones join --link tcp:x", "", Exit.NOT_FOUND, "pair it first"),
    ("phones ask", "", Exit.NOT_FOUND, "pair it first"),
    (f"pair --link {LINK} --code ABC", "", Exit.USAGE, "pairing code: "),
    (f"pair --link {LINK}", "", Exit.NETWORK, "strap: out of reach"),
    ("pair --link nowhere", "", Exit.USAGE, "link: no way to a strap"),
    (f"pair --link {LINK} --name 99990110000000", "", Exit.USAGE, "looks like a number"),
]


@pytest.mark.parametrize(("line", "typed", "code", "says"), TABLE)
def test_how_it_ends_and_what_it_says(
    line: str, typed: str, code: Exit, says: str, signed_in: Path
) -> None:
    ended = phone(line, signed_in, typed)
    assert (ended.exit_code, says in ended.stderr) == (code, True), ended.output
    assert isinstance(ended.exception, SystemExit | None)


def test_without_a_session_nothing_goes(tmp_path: Path) -> None:
    ended = phone("card list", tmp_path)
    assert (ended.exit_code, "phone sign-in" in ended.stderr) == (Exit.AUTH, True)


def test_one_command_at_a_time(signed_in: Path) -> None:
    with locked(signed_in / "phone"):
        ended = phone("queue list", signed_in)
    assert (ended.exit_code, "another command" in ended.stderr) == (Exit.CONFLICT, True)


def test_the_key_lies_beside_the_folder_and_is_needed(signed_in: Path) -> None:
    key = signed_in / "phone.key"
    assert key.stat().st_mode & 0o777 == 0o600
    moved = key.rename(signed_in / "moved.key")
    lost = phone("queue list", signed_in)
    assert (lost.exit_code, "name the key" in lost.stderr) == (Exit.NOT_FOUND, True)
    assert phone(f"queue list --seal-key {moved}", signed_in).exit_code == Exit.OK
    inside = phone(f"queue list --seal-key {signed_in}/phone/k", signed_in)
    assert (inside.exit_code, "put it elsewhere" in inside.stderr) == (Exit.USAGE, True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lease_hours": 200}, "1 to 72"),
        ({"lease_hours": "x"}, "lease_hours"),
        ({"maker_root": "xyz"}, "maker_root: not hex"),
        ({"wallet_url": None}, "wallet_url"),
    ],
)
def test_a_wrong_brand_file_names_the_field(
    tmp_path: Path, brand: Path, change: dict[str, object], says: str
) -> None:
    brand.write_text(json.dumps({**json.loads(brand.read_text()), **change}))
    ended = phone(f"sign-in --brand {brand}", tmp_path, TOKEN + "\n")
    assert (ended.exit_code, says in ended.stderr) == (Exit.USAGE, True), ended.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InputError("PIN", "x"), Exit.USAGE),
        (errors.InputError("card", "x"), Exit.NOT_FOUND),
        (errors.PinRequired(), Exit.CONFLICT),
        (errors.PinWrong(2), Exit.AUTH),
        (errors.PinBlocked(), Exit.AUTH),
        (errors.CardRefused("issuer", "x"), Exit.CONFLICT),
        (errors.CodeRefused("incorrect_code", 2), Exit.AUTH),
        (errors.StrapUntrusted("x"), Exit.AUTH),
        (errors.StrapUnreachable(), Exit.NETWORK),
        (errors.ServerRefused("credentials_unknown", "x"), Exit.AUTH),
        (errors.ServerRefused("object_not_found", "x"), Exit.NOT_FOUND),
        (errors.ServerRefused("action_not_allowed", "x"), Exit.CONFLICT),
        (errors.ServerUnreachable(), Exit.NETWORK),
        (errors.CompanionError("x"), Exit.FAILURE),
        (SignedOut(), Exit.AUTH),
        (PhoneInUse(Path("x")), Exit.CONFLICT),
    ],
)
def test_every_error_of_the_companion_has_its_code(error: Exception, code: Exit) -> None:
    assert code_of(error) is code
