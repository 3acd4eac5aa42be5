"""Defines how a command says that it can't be done."""


class CommandError(Exception):
    """The command can't be done; the message is one sentence that says why and, where possible, what to do."""
