"""Benchmarks: ours against a limit loop, as a ratio of one run; `python -m bench`."""
