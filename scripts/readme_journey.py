"""Puts the story of lab/journey.py into README.md, or checks that it stands there (`--check`)."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- journey:begin -->", "<!-- journey:end -->"


def story() -> str:
    """Return the source of the function `journey` as a fenced block."""
    source = (ROOT / "src/wristlet/lab/journey.py").read_text()
    for node in ast.parse(source).body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == "journey":
            code = ast.get_source_segment(source, node)
            return f"```python\n{code}\n```"
    raise SystemExit("lab/journey.py has no function journey")


def expected(readme: str) -> str:
    """Return the README with the story between its marks."""
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{story()}\n{END}{tail}"


def main() -> None:
    """Write the README, or end with 1 when it is stale."""
    path = ROOT / "README.md"
    readme = path.read_text()
    wanted = expected(readme)
    if "--check" in sys.argv:
        sys.exit(
            0
            if readme == wanted
            else "README.md: the journey is stale; run scripts/readme_journey.py"
        )
    path.write_text(wanted)


if __name__ == "__main__":
    main()
