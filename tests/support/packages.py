"""Outside programs that tests need, by the Debian package that brings them."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def _program(name: str) -> Callable[[], bool]:
    return lambda: (
        shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None
    )


def _file(pattern: str) -> Callable[[], bool]:
    return lambda: any(Path("/").glob(pattern))


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


# Debian package, as in requirements/debian.txt: is what it brings there?
PACKAGES: dict[str, Callable[[], bool]] = {
    "pcscd": _program("pcscd"),
    "vsmartcard-vpcd": _file("usr/lib/pcsc/drivers/serial/libifdvpcd.so*"),
    "pcsc-tools": _program("pcsc_scan"),
    "util-linux": _program("unshare"),
    "iproute2": _program("ip"),
    "strace": _program("strace"),
    "chromium": _program("chromium"),
    "nodejs": lambda: _program("node")() and _program("npm")(),
    "unifont": _file("usr/share/unifont/unifont_jp.hex"),
    "fonts-noto-cjk": _file("usr/share/fonts/opentype/noto/NotoSansCJK*"),
}
# Python distributions that are built only where their Debian packages are.
MODULES: dict[str, Callable[[], bool]] = {"pyscard": _module("smartcard")}


def missing(*names: str) -> list[str]:
    """Those of `names` that this machine lacks; a name in no table is a KeyError."""
    present = PACKAGES | MODULES
    return [name for name in names if not present[name]()]


def in_ci() -> bool:
    """Whether `CI` is set to a true value, as `.ci/run` does."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def needs(*names: str) -> None:
    """Skip the running test when a package is missing; with CI=true fail instead.

    Call it first in a test or fixture: `needs("pcscd", "vsmartcard-vpcd", "pyscard")`.
    """
    lacking = missing(*names)
    if not lacking:
        return
    reason = f"needs {', '.join(lacking)}: run `make system` as root, then `make test`"
    if in_ci():
        pytest.fail(f"{reason}. With CI=true a missing package fails.", pytrace=False)
    pytest.skip(reason)
