"""Shared vocabulary of every wire: pure codecs over bytes, standard library only."""
