"""Acquirer host and switch: they route by number prefix and know nothing of keys or accounts."""
