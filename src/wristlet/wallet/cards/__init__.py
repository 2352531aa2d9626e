"""Cards on straps: eligibility, digitisation, verification and life cycle."""
