"""Writes the assistants of an import."""

from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store
from assistant_engine.store.dynamodb import ConditionFailed
from assistants.transfer.report import NEW, THERE, Report


def write(store: Store, report: Report, assistant: Json, *, replace: bool, dry_run: bool) -> None:
    """Write an assistant (`AssistantObject`), unless there is one with its id.

    Args:
        replace: whether it takes the place of another one of its project and type that differs.
    """
    found = store.assistants.found(assistant["id"])
    if found is None:
        if not dry_run and not _created(store, assistant):
            report.leave_out("assistant", assistant["id"], "there is another object with this id")
            return
        report.count("assistant", NEW)
        return
    there, version = found
    if there == assistant:
        report.count("assistant", THERE)
    elif replace and there["assistant_type"] == assistant["assistant_type"]:
        if not dry_run and not store.assistants.replace(assistant, version):
            report.leave_out("assistant", assistant["id"], "somebody changes it at this moment")
            return
        report.note("assistant", assistant["id"], "it takes the place of the one that was there")
        report.count("assistant", NEW)
    else:
        report.leave_out(
            "assistant", assistant["id"], "there is another one with this id; --replace puts this in its place"
        )


def _created(store: Store, assistant: Json) -> bool:
    try:
        store.database.transact(store.assistants.new_assistant_actions(assistant))
    except ConditionFailed:
        return False
    return True
