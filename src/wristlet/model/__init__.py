"""The nouns of the payment world: frozen values, masked where secret."""
