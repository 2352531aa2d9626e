"""The applets of the secure element and the interface between them and the card."""
