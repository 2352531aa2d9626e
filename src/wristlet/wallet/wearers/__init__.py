"""People who wear straps, and the sessions of their phones."""
