"""The log of scripts for a strap, whose pointer moves by receipts only."""
