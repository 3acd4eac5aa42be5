"""The calls of a turn that tools of the stack serve, as the state machine takes them."""

from assistant_engine.domain import builtin_tools, tool_resources
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json, json_size
from assistant_engine.domain.payloads import ToolCall, ToolInputs
from assistant_engine.domain.run import Run
from assistant_engine.domain.turn import ToolStep
from assistant_engine.runtime.settings import HostedTools, configured
from assistant_engine.store import Store
from assistant_engine.store.blobs import INLINE_BYTES
from assistant_engine.tools import registry

INLINE_BUDGET = 200 * 1024
"""Bytes of tool output that one turn may carry in the execution's data (Step Functions limit: 256 KiB)."""

ENVELOPE_BYTES = 400
"""What the execution's data takes for a call beside its arguments or its output: ids, names, limits."""

MAX_OUTPUT_BYTES = 512 * 1024
"""A tool's output is cut there: it is read by a model, and shown in a run step."""

MAX_TURN_BYTES = 4_000_000
"""Bytes of tool output in one turn: a run step must fit into one answer of the HTTP API (Lambda limit: 6 MB)."""

MAX_FILES = 1_000
"""Files that code finds, the newest that the thread was given: their ids are in the execution's data."""


def calls(run: Run, tools: ToolStep) -> list[ToolCall]:
    """The calls of a turn that tool Lambdas run, as `call_tools` takes them."""
    modules = {entry["function_name"]: entry["module_name"] for entry in run.functions}
    return [
        {
            "tool_call_id": call["id"],
            "function": registry.alias_arn(modules.get(name, name)),
            "payload": {
                "thread_id": run.thread_id,
                "run_id": run.id,
                "turn": run.turn - 1,
                "tool_call_id": call["id"],
                "function_name": name,
                "arguments": call["function"]["arguments"],
                "inline_bytes": inline_bytes(tools),
                "most_bytes": min(MAX_OUTPUT_BYTES, MAX_TURN_BYTES // len(tools.calls)),
            },
        }
        for call in tools.unanswered(server=True)
        for name in [call["function"]["name"]]
    ]


def inputs(store: Store, run: Run, tools: ToolStep, now: Seconds) -> ToolInputs:
    """Return what the turn's calls of built-in tools work on, by the tool's name: once, however many calls there are.

    That is the ids of the assistant's and the thread's files and vector stores. Code is also told how much time its run
    has left.

    Args:
        now: seconds since 1970.
    """
    if not {call["function"]["name"] for call in tools.unanswered(server=True)} & set(builtin_tools.FUNCTIONS):
        return {}
    of_thread = store.threads.get_head(run.thread_id).tool_resources
    vector_store_ids = tool_resources.named([run.tool_resources, of_thread], "file_search", "vector_store_ids")
    search = builtin_tools.search_options(run.settings["tools"])
    return {
        "code_interpreter": {
            "file_ids": code_file_ids(run, of_thread),
            "project": run.project,
            "seconds": max(1, run.expires_at - now),
        },
        "file_search": {
            "vector_store_ids": vector_store_ids,
            "project": run.project,
            "max_num_results": search["max_num_results"],
            "ranking_options": search["ranking_options"],
        },
    }


def code_file_ids(run: Run, of_thread: Json) -> list[str]:
    """Return the ids of the files that the run's code is given: the assistant's and the thread's, the newest last.

    Args:
        of_thread: `ToolResources` of the thread.
    """
    return tool_resources.named([run.tool_resources, of_thread], "code_interpreter", "file_ids")[-MAX_FILES:]


def refused(run: Run, tools: ToolStep) -> dict[str, Json]:
    """The outputs, by call id, of calls that nobody can carry out: the model is told, and may do better."""
    offered = {tool["function"]["name"] for tool in run.settings["tools"] if tool["type"] == "function"}
    offered |= set(builtin_tools.offered(run.settings["tools"], configured(HostedTools).hosted_tools))
    answers = {}
    for call in [*tools.unanswered(server=True), *tools.unanswered(server=False)]:
        if call["function"]["name"] not in offered:
            answers[call["id"]] = {"text": "Error: there is no function of this name."}
        elif call["id"] in tools.server_calls and json_size(call["function"]["arguments"]) > _share(tools):
            answers[call["id"]] = {"text": "Error: the arguments are too long."}
    return answers


def _share(tools: ToolStep) -> int:
    """Return what each of a turn's calls may take of the execution's data."""
    return max(0, INLINE_BUDGET // len(tools.calls) - ENVELOPE_BYTES)


def inline_bytes(tools: ToolStep) -> int:
    """Return how much of a call's output may stand in an item and in the execution's data."""
    return min(INLINE_BYTES, _share(tools))
