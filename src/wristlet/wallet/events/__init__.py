"""The log of everything that changed; readers hold cursors."""
