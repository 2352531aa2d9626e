"""The bench page in a real browser: what it shows, how it is used, and that its build is fresh."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from support import needs
from support.browser import Tab, browsing
from support.lab_page import fill, serving_scene
from support.source import ROOT
from wristlet import web
from wristlet.lab.hub import Hub
from wristlet.lab.page import load_texts
from wristlet.lab.steps import STEPS

pytestmark = [pytest.mark.slow, pytest.mark.outside]

DONE = {"empty": 0, "running": 9, "failed": 9, "done": 14}
RESULT = "document.querySelector('#result').dataset.state"


@asynccontextmanager
async def bench(scene: str, language: str = "en", width: int = 1280) -> AsyncIterator[Tab]:
    """The page in that scene, all its events shown; it must end without any complaint."""
    needs("chromium")
    hub = Hub()
    fill(hub, scene)
    async with serving_scene(hub) as url, browsing() as browser:
        tab = await browser.open(f"{url}/?lang={language}", width=width)
        await tab.until("document.querySelector('#link').dataset.state === 'live'")
        done = "document.querySelectorAll('[data-step][data-state=ok]').length"
        await tab.until(f"{done} === {DONE[scene]}")
        if DONE[scene]:
            await tab.until("document.querySelectorAll('.exchange').length > 20")
        yield tab
        assert tab.problems == []


async def texts_of(tab: Tab, selector: str) -> list[str]:
    elements = f"[...document.querySelectorAll({selector!r})]"
    texts: list[str] = await tab.evaluate(f"{elements}.map((one) => one.innerText.trim())")
    return texts


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_step_is_shown_with_its_state(language: str) -> None:
    texts = load_texts()[language]
    async with bench("running", language) as tab:
        assert await tab.evaluate("document.documentElement.lang") == language
        titles = await texts_of(tab, ".step-title")
        assert titles == [texts[f"step.{step.id}"] for step in STEPS]
        states = ["ok"] * 9 + ["running"] + ["waiting"] * 4
        words = await texts_of(tab, ".step-word")
        assert words == [texts[f"state.{state}"] for state in states]
        assert await tab.evaluate("document.querySelector('#tap').ariaDisabled") == "true"


async def test_after_a_failure_the_rest_is_marked_as_not_run() -> None:
    async with bench("failed") as tab:
        words = await texts_of(tab, ".step-word")
        assert words == ["Done"] * 9 + ["Failed"] + ["Not run"] * 4
        assert "Stopped at step 10" in (await texts_of(tab, "#progress-now"))[0]
        assert await tab.evaluate("document.querySelector('#tap').ariaDisabled") != "true"


async def test_a_tap_by_keyboard_is_paid_and_traced() -> None:
    async with bench("empty") as tab:
        await tab.evaluate("document.querySelector('#amount').select()")
        for digit in "1200":
            await tab.press(digit, digit)
        await tab.press("Enter", "\r")
        await tab.until(f"{RESULT} === 'approved'")
        assert await texts_of(tab, "#display-text") == ["APPROVED"]
        assert await texts_of(tab, "#result-amount") == ["1,200 JPY"]
        await tab.until("document.querySelectorAll('.exchange').length === 5")
        commands = await texts_of(tab, ".command b")
        assert commands == [
            *("SELECT", "SELECT", "GET PROCESSING OPTIONS", "READ RECORD", "GENERATE AC")
        ]
        assert await texts_of(tab, ".session-outcome") == ["ARQC, ATC 117"]


async def test_a_large_amount_points_to_the_phone() -> None:
    async with bench("empty", "ja") as tab:
        await tab.evaluate("document.querySelector('#amount').value = '¥15,000'")
        await tab.evaluate("document.querySelector('#tap').click()")
        await tab.until(f"{RESULT} === 'attention'")
        assert await texts_of(tab, "#display-text") == ["スマートフォンを確認してください"]


async def test_a_wrong_amount_is_explained_and_not_tapped() -> None:
    async with bench("empty") as tab:
        await tab.evaluate("document.querySelector('#amount').value = '4.80'")
        await tab.evaluate("document.querySelector('#tap').click()")
        assert "whole number of yen" in (await texts_of(tab, "#amount-error"))[0]
        assert await tab.evaluate("document.activeElement.id") == "amount"
        assert await tab.evaluate(RESULT) == "idle"


async def test_trace_filters_opens_and_pauses() -> None:
    async with bench("done") as tab:
        shown = "[...document.querySelectorAll('.exchange')].filter((e) => !e.hidden).length"
        search = "document.querySelector('#trace-filter').value = {!r};"
        search += "document.querySelector('#trace-filter').dispatchEvent(new Event('input'))"
        await tab.evaluate(search.format("READ 9000 tap-1"))
        assert await tab.evaluate(shown) == 1
        await tab.evaluate("document.querySelector('.exchange:not([hidden]) summary').click()")
        await tab.until("document.querySelector('.exchange .tags') !== null")
        record = (await texts_of(tab, ".exchange:not([hidden]) .tags"))[0]
        assert "Application Primary Account Number (PAN) masked" in " ".join(record.split())
        await tab.evaluate(search.format("nothing-like-it"))
        assert "nothing-like-it" in (await texts_of(tab, "#trace-none"))[0]
        await tab.evaluate("document.querySelector('#trace-clear').click()")
        before = await tab.evaluate(shown)
        await tab.evaluate("document.querySelector('#trace-follow').click()")
        await tab.evaluate("document.querySelector('#tap').click()")
        await tab.until("document.querySelector('#trace-held').innerText === '5 new'")
        assert await tab.evaluate(shown) == before
        await tab.evaluate("document.querySelector('#trace-follow').click()")
        await tab.until(f"{shown} === {before + 5}")


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_nothing_is_wider_than_a_small_phone(language: str) -> None:
    async with bench("done", language, width=320) as tab:
        await tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        await tab.until("document.querySelectorAll('.tags').length > 20")
        assert await tab.evaluate("document.documentElement.scrollWidth") == 320
        small = """[...document.querySelectorAll('button, a:not(.skip), input, summary')]
            .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 43.5).length"""
        assert await tab.evaluate(small) == 0


async def test_the_bench_stays_in_sight_and_covers_nothing() -> None:
    async with bench("done") as tab:
        box = "document.querySelector({!r}).getBoundingClientRect()"
        await tab.evaluate("scrollTo(0, 500)")
        assert 0 < await tab.evaluate(f"{box.format('.bench')}.top") < 100
        await tab.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        gap = f"{box.format('.trace')}.top - {box.format('.bench')}.bottom"
        assert await tab.evaluate(gap) >= 0


async def test_a_lost_bench_is_said_and_the_next_run_starts_afresh() -> None:
    needs("chromium")
    async with browsing() as browser:
        first = Hub()
        fill(first, "failed")
        async with serving_scene(first) as url:
            tab = await browser.open(url)
            await tab.until("document.querySelectorAll('[data-state=skipped]').length > 3")
        await tab.until("!document.querySelector('#lost').hidden")
        assert "Reconnecting" in (await texts_of(tab, "#link"))[0]
        second = Hub()
        fill(second, "running")
        async with serving_scene(second, url.removeprefix("http://")):
            await tab.until("document.querySelector('.step[data-state=running]') !== null")
            assert await tab.evaluate("document.querySelector('#lost').hidden") is True


async def test_policy_stops_a_foreign_script() -> None:
    """What the other tests rely on: a refusal of the page's policy is seen."""
    needs("chromium")
    async with serving_scene(Hub()) as url, browsing() as browser:
        tab = await browser.open(url)
        await tab.until("document.querySelector('#link').dataset.state === 'live'")
        await tab.evaluate("document.body.setAttribute('style', 'color: red')")
        await tab.evaluate("new Promise(requestAnimationFrame)")
        assert any("Content Security Policy" in problem for problem in tab.problems)


def test_committed_scripts_are_what_the_sources_give(tmp_path: Path) -> None:
    needs("nodejs")
    for name in ("package.json", "package-lock.json", "tsconfig.json"):
        shutil.copy(ROOT / "ui" / name, tmp_path)
    shutil.copytree(ROOT / "ui" / "lab", tmp_path / "lab")
    for command in (
        ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"),
        ("npm", "run", "build", "--", "--outDir", "built"),
    ):
        done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    built = {path.name: path.read_text() for path in (tmp_path / "built").glob("*.js")}
    committed = {path.name: path.read_text() for path in web.STATIC.glob("*.js")}
    assert built == committed, "run `npm ci && npm run build` in ui/ and commit the result"


def test_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "ui" / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert all(package["integrity"] for package in packages)
    assert not any("resolved" in package for package in packages)
