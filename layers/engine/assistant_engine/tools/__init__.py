"""The deployed tools: which there are, and the calls that they serve."""
