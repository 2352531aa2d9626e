"""Straps: registration, phone certificates, lost and found."""
