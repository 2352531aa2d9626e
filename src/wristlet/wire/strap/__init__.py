"""What phone and strap say to each other, declared once for both ends."""
