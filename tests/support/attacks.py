"""Attacks the code interpreter's sandbox."""

from collections.abc import Callable

from tests.support.interpreter import Ran

Attack = Callable[..., Ran]

KEPT = "open('/mnt/data/kept.txt', 'w').write('kept'); kept = 'kept'"
STILL_THERE = """
import os
def mark(pid):
    try:
        with open(f'/proc/{pid}/limits') as limits:
            [line] = [line for line in limits if line.startswith('Max msgqueue size')]
            return line
    except (OSError, ValueError):
        return None
others = [pid for pid in map(int, filter(str.isdigit, os.listdir('/proc')))
          if pid != os.getpid() and mark(pid) == mark('self')]
print(kept, open('/mnt/data/kept.txt').read(), others)
"""
"""All that code has started bears the mark of its execution environment, which `test_scheduling_...` tries to take off;
the user tells it from others only where the stack runs as root."""
