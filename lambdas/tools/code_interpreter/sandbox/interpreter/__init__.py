"""Runs the model's code in the sandbox's child process. The process that starts it trusts nothing in it."""
