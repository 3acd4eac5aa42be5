"""The files that a thread's code interpreter knows, by path: those that code made, and those that it was given."""

from assistant_engine.domain import builtin_tools, ids, sandbox_paths
from assistant_engine.domain.run import Run
from assistant_engine.runs.tool_calls import code_file_ids
from assistant_engine.runtime.settings import HostedTools, configured
from assistant_engine.store import Store

MAX_STEPS = 200
"""Run steps of the thread, the newest, that are looked through for files: a bounded read, however long the thread."""


def by_path(store: Store, run: Run) -> dict[str, str]:
    """Return the id of each file of the run's thread by its path. Of two files under one path, the newer one counts.

    Where the code interpreter is the model provider's, the files it was given are the provider's, and left out.
    """
    files = _made(store, run)
    if "code_interpreter" in configured(HostedTools).hosted_tools:
        return files
    for path, file_id in _given(store, run).items():
        if path not in files or ids.time_of(file_id) > ids.time_of(files[path]):
            files[path] = file_id
    return files


def _made(store: Store, run: Run) -> dict[str, str]:
    steps = store.steps.newest_tool_steps(run.thread_id, MAX_STEPS)
    _, results = builtin_tools.tell([step.calls for step in steps], store.steps.output_texts(steps))
    made = [file for result in results if result.name == "code_interpreter" for file in result.parsed()["files"]]
    return {file["path"]: file["file_id"] for file in made}


def _given(store: Store, run: Run) -> dict[str, str]:
    file_ids = code_file_ids(run, store.threads.get_head(run.thread_id).tool_resources)
    filenames = store.of(run.project).files.names(file_ids)
    there = [{"file_id": file_id, "filename": filenames[file_id]} for file_id in file_ids if file_id in filenames]
    return {f"{sandbox_paths.FOLDER}/{name}": file_id for file_id, name in sandbox_paths.names(there).items()}
