"""EMV data: tags, object lists, locators, bit fields, and the cryptogram's issuer data."""
