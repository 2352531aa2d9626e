"""The phone's core: pairs a strap, makes the PIN, adds and switches cards, keeps strap and server
in step.
"""
