"""What exists only on a laptop: the embedded AWS, the offline model and the commands that run them."""
