"""The token service: eligibility, tokens, personalisation scripts, cryptogram check, life cycle."""
