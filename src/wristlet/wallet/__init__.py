"""The wallet server: brands, wearers, straps, cards, and the two logs that keep them in step.

It relays ciphertext. Card numbers, device tokens, PINs and keys of the secure element never stand
in a message, a row or a log line of this package.
"""
