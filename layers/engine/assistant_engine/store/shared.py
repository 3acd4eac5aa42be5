"""The store of a Lambda function: one for each warm function."""

from functools import cache

from assistant_engine.store import Store


@cache
def _store() -> Store:
    return Store(project="")


def store(project: str = "") -> Store:
    """The store of this function, its clients made once.

    Args:
        project: the one that it sees. Without it, it is for what has its project in the record, a run and what lies
            below its thread, and finds nothing by an id alone.
    """
    return _store().of(project)
