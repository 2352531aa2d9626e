"""Cryptography of every wire: pure functions over bytes; randomness is passed in."""
