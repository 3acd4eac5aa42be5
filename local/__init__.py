"""Runs on a laptop only: the embedded AWS, the offline model and the commands that start them."""
