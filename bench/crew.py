"""Processes of a bench: forked, each with a loop of its own, ended with the block."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import uvloop

Main: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

_PATIENCE_S = 5.0


@contextmanager
def crew(mains: Iterable[Main]) -> Iterator[None]:
    """Run each main in a process of its own while the block runs; no loop may run here yet."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_run, args=(main,), daemon=True) for main in mains]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(_PATIENCE_S)


def _run(main: Main) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    uvloop.run(main())
