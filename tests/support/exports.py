"""An export of the Assistants API: an assistant, and a thread with a run that called a tool."""

import json
from pathlib import Path
from typing import Any

from assistant_engine.domain.json_data import Json

ASSISTANT: Json = {
    "id": "asst_Nb7hCwkqvTV8FZhQxH4xk0aR",
    "object": "assistant",
    "created_at": 1_699_009_709,
    "name": "Analyst",
    "description": None,
    "model": "gpt-4o",
    "instructions": "You look at figures.",
    "tools": [{"type": "code_interpreter"}],
    "tool_resources": {"code_interpreter": {"file_ids": []}},
    "metadata": {"team": "finance"},
    "temperature": 0.3,
    "top_p": 1.0,
    "response_format": "auto",
}
THREAD: Json = {
    "id": "thread_abc123XYZ",
    "object": "thread",
    "created_at": 1_699_012_949,
    "metadata": {"user_id": "ada"},
    "tool_resources": {},
}


def message(name: str, role: str, text: str, created_at: int, **more: Any) -> Json:
    return {
        "id": name,
        "object": "thread.message",
        "created_at": created_at,
        "thread_id": THREAD["id"],
        "role": role,
        "content": [{"type": "text", "text": {"value": text, "annotations": []}}],
        "assistant_id": ASSISTANT["id"] if role == "assistant" else None,
        "run_id": None,
        "attachments": [],
        "metadata": {},
        **more,
    }


RUN: Json = {
    "id": "run_OLD1",
    "object": "thread.run",
    "created_at": 1_699_012_951,
    "thread_id": THREAD["id"],
    "assistant_id": ASSISTANT["id"],
    "status": "completed",
    "completed_at": 1_699_012_960,
    "model": "gpt-4o",
    "instructions": "You look at figures.",
    "tools": [],
    "metadata": {},
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
}
STEPS: list[Json] = [
    {
        "id": "step_OLD1",
        "object": "thread.run.step",
        "created_at": 1_699_012_952,
        "run_id": "run_OLD1",
        "thread_id": THREAD["id"],
        "type": "tool_calls",
        "status": "completed",
        "completed_at": 1_699_012_953,
        "step_details": {
            "type": "tool_calls",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}", "output": "7"}}
            ],
        },
        "usage": {"prompt_tokens": 60, "completion_tokens": 10, "total_tokens": 70},
    },
    {
        "id": "step_OLD2",
        "object": "thread.run.step",
        "created_at": 1_699_012_959,
        "run_id": "run_OLD1",
        "thread_id": THREAD["id"],
        "type": "message_creation",
        "status": "completed",
        "completed_at": 1_699_012_960,
        "step_details": {"type": "message_creation", "message_creation": {"message_id": "msg_OLD2"}},
        "usage": {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50},
    },
]
QUESTION = message("msg_OLD1", "user", "What is 3 + 4?", 1_699_012_950, metadata={"n": "1"})
ANSWER = message("msg_OLD2", "assistant", "7", 1_699_012_960, run_id="run_OLD1")
ALL = [ASSISTANT, THREAD, QUESTION, ANSWER, RUN, *STEPS]


def lines(path: Path, *objects: Any) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in objects))
    return path


def page(*objects: Json) -> Json:
    names = [each["id"] for each in objects]
    return {"object": "list", "data": list(objects), "first_id": names[0], "last_id": names[-1], "has_more": False}


def as_lines(folder: Path) -> None:
    lines(folder / "everything.jsonl", *ALL)


def as_arrays(folder: Path) -> None:
    (folder / "all.json").write_text(json.dumps(ALL, indent=2))


def as_pages(folder: Path) -> None:
    """As a client saves what it lists: newest first, in pages, an indented document for each."""
    for name, objects in {
        "assistants": [ASSISTANT],
        "threads": [THREAD],
        "messages": [ANSWER, QUESTION],
        "runs": [RUN],
        "steps": STEPS[::-1],
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(page(*objects), indent=1))


def as_thread_exports(folder: Path) -> None:
    (folder / "threads").mkdir()
    (folder / "assistants.json").write_text(json.dumps([ASSISTANT]))
    (folder / "manifest.json").write_text(
        json.dumps({"export_schema": "assistants-export-manifest/v1", "threads_failed": []})
    )
    export = {
        "export_schema": "assistants-thread-export/v1",
        "thread_id": THREAD["id"],
        "exported_at": "2026-08-01T00:00:00+00:00",
        "thread": THREAD,
        "messages": [QUESTION, ANSWER],
        "runs": [{**RUN, "steps": STEPS}],
        "files": {},
        "errors": [],
    }
    (folder / "threads" / "thread_abc123XYZ.json").write_text(json.dumps(export, indent=2))


def as_containers(folder: Path) -> None:
    nested = {**THREAD, "messages": [QUESTION, ANSWER], "runs": [{**RUN, "steps": {"data": STEPS}}]}
    (folder / "backup.json").write_text(json.dumps({"assistants": [ASSISTANT], "threads": [nested]}))
