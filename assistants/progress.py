"""Shows a run on the terminal: its statuses as they come, what it calls and what comes back."""

import json

from rich.console import Console

from assistant_engine.domain.lifecycle import TRANSITIONS
from assistants.history import CALLS, Change
from assistants.terminal import plain

COLOURS = {"completed": "green", "requires_action": "yellow", "failed": "red", "expired": "red", "cancelled": "red"}


class Progress:
    """Shows changes on a console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def status(self, status: str, seconds: float) -> None:
        """Show that a run has a status, so many seconds after it began."""
        colour = COLOURS.get(status, "cyan")
        self.console.print(f"  [dim]{seconds:6.2f} s[/]  [{colour}]{status}[/]")

    def show(self, change: Change) -> None:
        """Show a change, if it is one of a status or of a tool."""
        if change.entered and change.state in TRANSITIONS:
            self.status(change.state, change.seconds)
        elif change.entered and change.state == "backoff":
            self.tell("waits", f"{change.data['wait_seconds']} s")
        elif change.entered and change.state in CALLS:
            for call in change.data["calls"]:
                self.call(call["payload"]["function_name"], call["payload"]["arguments"])
        elif not change.entered and change.state in CALLS:
            for output in change.data["outputs"]:
                self.returned(output.get("output", "(in the bucket)"))

    def returned(self, output: str) -> None:
        """Show what a call came to."""
        self.tell("returned", (_member(output, "logs") or output).strip())

    def call(self, function: str, arguments: str) -> None:
        """Show a call."""
        if function == "code_interpreter" and (code := _member(arguments, "code")):
            self.tell("runs code", f"\n{code.strip()}")
        else:
            self.tell("calls", f"{function}({arguments})")

    def tell(self, what: str, text: str) -> None:
        """Show a line of what happens within a status; further lines of the text are indented."""
        lines = plain(text).replace("\n", f"\n{' ' * 14}")
        self.console.print(f"            [magenta]{what}[/] {lines}")


def _member(text: str, name: str) -> str | None:
    """Return the text that JSON holds under a name; None where it isn't such JSON."""
    try:
        value = json.loads(text)[name]
    except (ValueError, LookupError, TypeError):
        return None
    return value if isinstance(value, str) else None
