"""`wristlet phone sign-in` and `wristlet phone pair`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wristlet.cli.output import as_json, data, fields, need, note
from wristlet.cli.phone.common import (
    AtPhone,
    JsonOption,
    Place,
    SealKeyFile,
    Secrets,
    SecretsFile,
    State,
    on_phone,
    open_key,
    telling,
)

PRESS_ATTEMPTS, PRESS_PAUSE_MS = 240, 250

if TYPE_CHECKING:
    from wristlet.companion.core import Companion
    from wristlet.companion.pairing import Attested
    from wristlet.env.base import Env


def sign_in(
    state: State,
    brand: Annotated[Path, typer.Option(help="The brand's build file: server, roots, policy.")],
    name: Annotated[str, typer.Option(help="What this phone is called.")] = "phone",
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
) -> None:
    """Sign the wearer in: the session token is read, never given as an option.

    Example: wristlet test sign-in --keep DIR | wristlet phone sign-in --state phone
    --brand DIR/brand.json
    """
    from wristlet.companion.folder import locked_store, read_build
    from wristlet.companion.inputs import read_name
    from wristlet.env.real import real_env

    need(brand, "brand file", "ask the brand for it; the demo writes DIR/brand.json")
    env, place = real_env(), Place(state, seal_key)
    with telling():
        build = read_build(brand.read_bytes())
        typed = read_name(name)
        token = Secrets(secrets).next("session token")
        with locked_store(env, state, open_key(env, place)) as store:
            store.change(build=build, session=token, name=typed)
    data(f"signed in at {build.brand}")


def pair(
    state: State,
    link: Annotated[str, typer.Option(help="The way to the strap: unix:PATH or ble:CONTROLLER.")],
    name: Annotated[str, typer.Option(help="What the strap shall be called.")] = "strap",
    code: Annotated[
        str,
        typer.Option(
            help="What was scanned, or the eight characters; without it whichever strap is there.",
            show_default=False,
        ),
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; wait until the strap's button was pressed.")
    ] = False,
    seal_key: SealKeyFile = None,
    json: JsonOption = False,
) -> None:
    """Pair a strap: its certificates are checked, six digits compared, its button pressed.

    Example: wristlet phone pair --state phone --link unix:DIR/sockets/phone.sock --code ABCD-EFGH
    """

    async def work(at: AtPhone) -> dict[str, Any]:
        from wristlet.companion.errors import InputError
        from wristlet.companion.inputs import read_name

        called = read_name(name)
        if any(one.name == called for one in at.phone.straps if one.link != link):
            raise InputError("name", "another strap has it; choose a different one")
        async with at.link(link) as opened:
            companion = at.phone.beside(opened)
            strap = await companion.attest(code)
            _show(strap)

            async def confirm(digits: str) -> None:
                note(f"compare: the strap shows {digits}? Then press its button.")
                if yes:
                    await _until_pressed(at.env, companion)
                else:
                    typer.prompt("Enter when it is pressed", "", err=True, show_default=False)

            device = await companion.pair_attested(strap, called, confirm, link=link)
        return {"id": device.id, "name": device.name, "model": device.model, "se_id": device.se_id}

    paired = on_phone(Place(state, seal_key, waits=yes), work)
    as_json(paired) if json else fields(paired)


def _show(strap: Attested) -> None:
    note(f"strap: {strap.model}, genuine by its maker's certificates, SE {strap.se_id.hex()}")


async def _until_pressed(env: Env, companion: Companion) -> None:
    """Wait until the secure element knows a phone; whose key it is shows afterwards."""
    for _ in range(PRESS_ATTEMPTS):
        if (await companion.state()).phones:
            return
        await env.clock.sleep_ms(PRESS_PAUSE_MS)
