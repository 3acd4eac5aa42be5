"""Creates runs, takes their turns, submits tool outputs, cancels runs and ends them."""
