"""What runs in the sandbox's child process, beside the model's code: what started it trusts nothing of it."""
