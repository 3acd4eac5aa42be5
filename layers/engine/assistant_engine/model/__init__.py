"""The calls of the model: what it is asked, and what its answer makes of a turn."""
