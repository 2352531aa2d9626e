"""Secure element: a GlobalPlatform card with sealed storage; bytes in, bytes out."""
