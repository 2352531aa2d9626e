"""The strap's own processor: a relay that can drop or delay, never read or forge."""
