"""Payments as the token service tells of them, and the notifications that bring them."""
