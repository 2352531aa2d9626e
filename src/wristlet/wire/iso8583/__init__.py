"""ISO 8583:1987 authorisation messages: packed digits, binary bitmap, two-byte length."""
