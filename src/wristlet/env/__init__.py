"""The injected environment: clock, randomness, disk and database."""
