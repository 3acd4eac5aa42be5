"""Holds what the suites share: the driver of a deployed stack, servers that fail on request, examples, and checks."""
