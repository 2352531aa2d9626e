"""The strap's activity recorder: samples in, minutes out, on flash until the phone has them."""
