"""The bank: card accounts, identity decisions, authorisation, and a ledger that always balances."""
