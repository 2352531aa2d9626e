"""Pure kernels: generators that yield commands, take responses and return an outcome."""
