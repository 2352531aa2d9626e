"""Pages as files: templates, texts in every language, and what browsers load."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
STATIC: Final = FOLDER / "static"
TEMPLATES: Final = FOLDER / "templates"
TEXTS: Final = FOLDER / "texts.json"
