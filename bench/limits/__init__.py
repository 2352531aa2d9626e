"""Limit loops: the same cryptography, durable writes and hops as ours, without our code."""
