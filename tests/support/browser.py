"""Chromium without a window, driven over a pair of pipes by the Chrome DevTools Protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--remote-debugging-pipe", "about:blank"),
)
_ANSWER_S: Final = 30
# Chromium reads commands from descriptor 3 and writes to 4.
_SCRIPT: Final = 'exec chromium "$@" 3<&{commands} 4>&{answers}'


class BrowserError(RuntimeError):
    """Chromium refused a command, or a script on the page threw."""


class Browser:
    """One running Chromium."""

    def __init__(self, reader: asyncio.StreamReader, commands: int) -> None:
        self._reader = reader
        self._commands = commands
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._tabs: dict[str, Tab] = {}

    async def listen(self) -> None:
        """Hand answers to whoever asked, and events to their tab, until the browser ends."""
        try:
            while True:
                message = json.loads((await self._reader.readuntil(b"\0"))[:-1])
                waiting = self._waiting.pop(message.get("id"), None)
                if waiting is None:
                    tab = self._tabs.get(message.get("sessionId", ""))
                    if tab is not None:
                        tab.take(message)
                elif "error" in message:
                    waiting.set_exception(BrowserError(message["error"]["message"]))
                else:
                    waiting.set_result(message["result"])
        except asyncio.IncompleteReadError:
            for waiting in (one for one in self._waiting.values() if not one.done()):
                waiting.set_exception(BrowserError("Chromium ended"))

    async def send(self, method: str, session: str = "", /, **params: Any) -> Any:
        """Give one command and return its result; raises BrowserError."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        answer = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = answer
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        async with asyncio.timeout(_ANSWER_S):
            return await answer

    async def open(
        self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> Tab:
        """Open a page in a tab of that size and colour scheme."""
        target = await self.send("Target.createTarget", url="about:blank")
        attached = await self.send(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        tab = Tab(self, attached["sessionId"])
        self._tabs[tab.session] = tab
        for domain in ("Page", "Runtime", "Log"):
            await tab.send(f"{domain}.enable")
        await tab.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        await tab.send("Emulation.setEmulatedMedia", features=[scheme, still])
        await tab.send("Page.navigate", url=url)
        return tab


@dataclass(slots=True)
class Tab:
    """One page; `problems` collects console errors, exceptions and refusals of its policy."""

    browser: Browser
    session: str
    problems: list[str] = field(default_factory=list)

    def take(self, message: dict[str, Any]) -> None:
        """Note an event of the page."""
        params = message["params"]
        match message["method"]:
            case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
                self.problems.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                self.problems.append(str(params["args"]))
            case "Runtime.exceptionThrown":
                self.problems.append(str(params["exceptionDetails"]))

    async def send(self, method: str, **params: Any) -> Any:
        """Give a command to this tab."""
        return await self.browser.send(method, self.session, **params)

    async def resize(self, width: int, height: int) -> None:
        """Give the page another size, in CSS pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def evaluate(self, script: str) -> Any:
        """Run a script and return its value as JSON; promises are awaited."""
        answer = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until a script's value is true; raises TimeoutError, naming it."""
        script = f"""new Promise((done) => {{
            const look = () => {{ try {{ if ({condition}) return done(true); }} catch {{}}
                setTimeout(look, 20); }};
            look(); }})"""
        while True:
            try:
                await self.evaluate(script)
            except BrowserError as error:
                # A page that is still being replaced takes the question with it.
                if "navigated" not in str(error) and "destroyed" not in str(error):
                    raise
            except TimeoutError:
                raise TimeoutError(condition) from None
            else:
                return

    async def press(self, key: str, text: str = "") -> None:
        """Press and release one key; `text` is what it types."""
        down = {"key": key, "code": key, "text": text} if text else {"key": key, "code": key}
        if key == "Tab":
            down["windowsVirtualKeyCode"] = 9  # type: ignore[assignment] # numbers beside texts
        await self.send("Input.dispatchKeyEvent", type="keyDown", **down)
        await self.send("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    async def picture(self, *, whole: bool = True) -> bytes:
        """Return the page as PNG."""
        # Only the tab in front is drawn.
        await self.send("Page.bringToFront")
        shot = await self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Run Chromium with a fresh profile while the block runs."""
    command_end, commands = os.pipe()
    answers, answer_end = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", _SCRIPT.format(commands=command_end, answers=answer_end)),
            *("chromium", f"--user-data-dir={profile}", *_FLAGS),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            pass_fds=(command_end, answer_end),
        )
        os.close(command_end)
        os.close(answer_end)
        reader = asyncio.StreamReader(limit=1 << 26)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(answers, "rb")
        )
        browser = Browser(reader, commands)
        listening = asyncio.create_task(browser.listen())
        try:
            yield browser
        finally:
            await browser.send("Browser.close")
            async with asyncio.timeout(_ANSWER_S):
                await process.wait()
            await listening
            transport.close()
            os.close(commands)
