"""Lets `python -m wristlet` do what the `wristlet` command does."""

from __future__ import annotations

from wristlet.cli.main import main

if __name__ == "__main__":
    main()
