"""Known answers: the JSON files of `vectors/`, each with its origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[2] / "vectors"


def load(name: str) -> Any:
    """The content of `vectors/<name>.json`."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
