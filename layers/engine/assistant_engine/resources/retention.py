"""Deletes the threads of projects that keep theirs for so many days only; the sweeper does it bit by bit."""

from collections.abc import Callable, Iterator
from functools import partial

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.store import Store, Window
from assistant_engine.store.threads import PREFIX

DAY = 86_400
THREADS_AT_ONCE = 100
"""Threads that a sweep looks at, of each project: those that go on stay, and would be looked at again and again."""


def sweep(store: Store, now: Seconds) -> Iterator[tuple[str, Callable[[], None]]]:
    """Give the sweeper its work, as (what it is, how to see to it)."""
    for project, days in store.projects.retentions().items():
        yield f"the retention of {project}", partial(_delete_old, store.of(project), Seconds(now - days * DAY), now)


def bury(store: Store, thread_id: str) -> None:
    """Remove everything of a deleted thread, of any project: the files that were made of sound in it, too."""
    for file_id in store.threads.sounds_in(thread_id):
        store.sounds.forget_transcript(file_id)
        store.files.bury(file_id)
    store.threads.bury(thread_id)


def _delete_old(store: Store, before: Seconds, now: Seconds) -> None:
    """Delete those of the next old threads in which nothing was said since a moment.

    Where it stopped is kept with the project's settings; at the end it begins anew.
    """
    until = PREFIX + ids.time_part(Milliseconds(before * 1000))
    after = store.projects.swept()
    page = store.threads.page(Window(limit=THREADS_AT_ONCE, order="asc", after=after, before=until))
    for thread in page.objects:
        if thread.last_ms >= before * 1000 or thread.active_run:
            after = thread.id
            continue
        try:
            store.threads.delete(thread.id, now)
        except (InvalidRequest, NotFound):
            continue  # A run began, or somebody else deleted it.
    store.projects.sweep(after if page.has_more else None)
