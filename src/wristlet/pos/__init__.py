"""The EMV contactless terminal: entry point, two kernels, outcome, online authorisation."""
