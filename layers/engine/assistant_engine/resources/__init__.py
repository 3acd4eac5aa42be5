"""Use cases: what can be done with each kind of object but runs, whoever asks for it."""
