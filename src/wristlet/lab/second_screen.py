"""The second screen: what a shop, a dock or the lab shows when a strap's button is held.

A strap's own face is too small for a QR code. Error level M, dark on white with a margin of four
modules, also on dark pages: that is what scanners expect.
"""

from __future__ import annotations

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import segno

ERROR_LEVEL: Final = "m"
MARGIN: Final = 4


class QrMissing(RuntimeError):
    """The library that draws QR codes is not installed."""

    def __init__(self) -> None:
        super().__init__("QR code: install wristlet[qr] to see it; the code for typing works as is")


def qr_svg(text: str) -> str:
    """Return a QR code as SVG; raises QrMissing."""
    out = io.BytesIO()
    _symbol(text).save(out, kind="svg", border=MARGIN, dark="#000", light="#fff", scale=4)
    return out.getvalue().decode()


def qr_terminal(text: str) -> str:
    """Return a QR code for a terminal; raises QrMissing."""
    out = io.StringIO()
    _symbol(text).terminal(out, border=MARGIN, compact=True)
    return out.getvalue()


def _symbol(text: str) -> segno.QRCode:
    try:
        import segno
    except ImportError as error:
        raise QrMissing from error
    return segno.make_qr(text, error=ERROR_LEVEL, boost_error=False)


async def touch(control: Path, action: str) -> dict[str, Any]:
    """Do to the emulated strap what a hand does: confirm, next, pair, worn, off.

    Raises OSError where no strap listens, RuntimeError with the strap's reason.
    """
    import asyncio

    reader, writer = await asyncio.open_unix_connection(str(control))
    try:
        writer.write(json.dumps({"do": action}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await reader.readline())
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    if not answer["ok"]:
        raise RuntimeError(str(answer["error"]))
    return answer
