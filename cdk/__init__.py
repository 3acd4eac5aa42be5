"""Describes the infrastructure: one module for each capability, composed by `stack.py`."""
