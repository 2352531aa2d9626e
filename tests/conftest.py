"""Settings of the whole test run: hypothesis profiles and the way failures are replayed."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from support.packages import in_ci

# No deadline anywhere: tests share the machine, and none may depend on time.
settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile(
    "ci",
    deadline=None,
    print_blob=True,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("deep", parent=settings.get_profile("dev"), max_examples=2_000)
# `make check` looks at few examples; `make test` runs the same tests with all of them.
settings.register_profile(
    "quick", parent=settings.get_profile("ci" if in_ci() else "dev"), max_examples=20
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if in_ci() else "dev"))
