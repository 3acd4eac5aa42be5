"""The schedule of the sweeper: when it looks at a run, in seconds since 1970."""

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.run import Run

NOT_STARTED_SECONDS = 30
"""How long after its creation, or after outputs were submitted, the sweeper looks whether a run moves."""

FIRST_LOOK_SECONDS = 60
"""How long after a step the sweeper looks for the first time whether its run still has an execution."""


def first_look(now: Seconds) -> Seconds:
    """Return when to look at a run whose execution is still to be started or woken."""
    return Seconds(now + NOT_STARTED_SECONDS)


def moves_look(run: Run, now: Seconds) -> bool:
    """Return whether a step moves the sweeper's look at its run on, which is two writes to an index.

    Most runs end before the first look. The others are looked at once more, and moved on then.
    """
    return run.due_at < now + NOT_STARTED_SECONDS // 2


def next_look(run: Run, now: Seconds) -> Seconds:
    """Return when to look again at a run that moves.

    A run whose execution was lost without an event is found by then. The older it is, the rarer the looks.
    """
    later = now + max(FIRST_LOOK_SECONDS, (now - run.created_at) // 4)
    return Seconds(min(later, max(now, run.expires_at) + 5))
