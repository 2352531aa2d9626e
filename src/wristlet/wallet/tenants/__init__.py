"""Brands that share one server: their keys and their root for phone certificates."""
