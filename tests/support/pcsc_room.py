"""A PC/SC service of one's own with our secure element in its slots, for as long as a client runs.

`python -m support.pcsc_room STATE SEAL_KEY SOCKETS CLIENT...` stands in a mount and a network
namespace of its own (`enter`): pcscd's socket is fixed at build and vpcd listens on every address,
so nothing outside can reach or see them, and several rooms may stand side by side.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
PCSCD_FOLDER = Path("/run/pcscd")
WIRED_PORT, CONTACTLESS_PORT = 35963, 35964
START_TIMEOUT_S, STOP_TIMEOUT_S = 20, 10
SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
SETUP = (
    "ip link set lo up && mount -t tmpfs tmpfs /run && mkdir /run/pcscd && "
    'exec "$0" -m support.pcsc_room "$@"'
)


def enter(*words: str | Path) -> list[str]:
    """The command line that opens a room; words are state, seal key, sockets and the client."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    spaces = ["unshare", *user, "--mount", "--net", "--kill-child", "--fork"]
    return [*spaces, "sh", "-c", SETUP, sys.executable, *map(str, words)]


def surroundings() -> dict[str, str]:
    """Environment of a room: this Python, this project, the system's own programs."""
    return {**os.environ, "PATH": SYSTEM_PATH, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}


@contextmanager
def running(*words: str, ready: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended; with `ready`, one that has said that it is."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE if ready else sys.stderr)
    try:
        if ready:
            assert process.stdout is not None
            line = process.stdout.readline()
            if b'"ready"' not in line:
                raise RuntimeError(f"{' '.join(words)} did not become ready")
        yield process
    finally:
        process.terminate()
        code = process.wait(STOP_TIMEOUT_S)
        if ready and code:
            raise RuntimeError(f"{' '.join(words)} ended with {code} at SIGTERM")
        if process.stdout is not None:
            process.stdout.close()


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + START_TIMEOUT_S
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{path} did not appear")
        time.sleep(0.02)


def live(state: str, seal_key: str, sockets: str, client: Sequence[str]) -> int:
    """Start pcscd, the element and the bridge, run the client, end everything."""
    from smartcard.CardRequest import CardRequest
    from smartcard.System import readers

    ours = (sys.executable, "-m", "wristlet", "se")
    element = ("run", "--state", state, "--seal-key", seal_key, "--sockets", sockets, "--sandbox")
    slots = (
        *("--vpcd-wired", f"127.0.0.1:{WIRED_PORT}"),
        *("--vpcd-contactless", f"127.0.0.1:{CONTACTLESS_PORT}"),
    )
    with ExitStack() as stack:
        stack.enter_context(running("pcscd", "--foreground"))
        wait_for(PCSCD_FOLDER / "pcscd.comm")
        stack.enter_context(running(*ours, *element, ready=True))
        stack.enter_context(running(*ours, "bridge", "--sockets", sockets, *slots, ready=True))
        for reader in readers():
            CardRequest(readers=[reader], timeout=START_TIMEOUT_S).waitforcard()
        return subprocess.run(client, check=False).returncode


if __name__ == "__main__":
    sys.exit(live(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
