"""Writes a report of a run as one HTML file.

The file loads nothing from anywhere. It holds what was said, so it is as confidential as the conversation.
"""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from assistant_engine.domain.errors import ApiError
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.message import text_of
from assistant_engine.domain.run import Run
from assistant_engine.store import Store
from assistants import private
from assistants.run_trace import RunTrace, RunTraces
from assistants.timeline import Bar, bars
from assistants.watch import answered_by, described, dollars

FOLDER = Path(".local/reports")
MAX_CHARACTERS = 20_000
"""Of one text; what is longer is cut, and the report says so."""

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html(trace: RunTrace, now: datetime) -> str:
    """Return the report.

    Args:
        now: when it is made.
    """
    run = trace.run
    rows, start = bars(trace, now)
    length = max([row.end for row in rows] or [0.0]) or 1.0
    return _templates.get_template("report.html").render(
        run=run,
        ended=run.status in TERMINAL,
        made=now,
        start=start,
        length=length,
        ticks=[(100 * part / 4, length * part / 4) for part in range(5)],
        rows=[_row(row, length) for row in rows],
        tiles=_tiles(trace, length),
        facts=_facts(trace),
        steps=[_step(step, trace) for step in trace.steps],
        messages=[_message(message, trace.store) for message in trace.messages],
    )


def _row(bar: Bar, length: float) -> Json:
    left = 100 * bar.start / length
    return {"bar": bar, "left": left, "width": max(0.4, min(100 - left, 100 * (bar.end - bar.start) / length))}


def _tiles(trace: RunTrace, length: float) -> list[tuple[str, str, str]]:
    """Return the run in figures: name, value, a few words."""
    run, account, used = trace.run, trace.run.account, trace.run.usage
    first_ms = next((times.first_ms for times in trace.asked if times.first_ms), None)
    times = [f"first token {_seconds((first_ms - run.created_ms) / 1000)}"] if first_ms else []
    tokens = [f"{used.prompt_tokens:,} in, {used.completion_tokens:,} out"]
    tokens += [f"{used.cached_tokens:,} cached"] if used.cached_tokens else []
    tokens += [f"{used.cache_write_tokens:,} written to the cache"] if used.cache_write_tokens else []
    tokens += [f"{used.reasoning_tokens:,} reasoning"] if used.reasoning_tokens else []
    calls = [f"{run.attempts} calls"] + (
        [f"{account.model_calls} answered"] if account.model_calls < run.attempts else []
    )
    return [
        ("Time", _seconds(length), ", ".join([*times, f"engine {_seconds(account.engine_ms / 1000)}"])),
        ("Model", _seconds(account.model_ms / 1000), ", ".join(calls)),
        ("Tools", _seconds(account.tool_ms / 1000), f"{account.tool_calls} calls"),
        ("Client", _seconds(account.client_ms / 1000), "waited for"),
        ("Tokens", f"{used.prompt_tokens + used.completion_tokens:,}", ", ".join(tokens)),
        ("Cost", "–", "unpriced") if account.cost is None else ("Cost", dollars(account.cost), "US dollars"),
    ]


def _facts(trace: RunTrace) -> list[tuple[str, str]]:
    """Return what the record says, by name, without what is empty."""
    run = trace.run
    facts = {
        "Run": run.id,
        "Thread": run.thread_id,
        "Assistant": run.assistant_id,
        "Project": run.project,
        "Model": answered_by(run),
        "Created": _moment(run.created_at),
        "Started": _moment(run.started_at),
        "Ended": _moment(run.completed_at or run.failed_at or run.cancelled_at),
        "Expires": _moment(run.expires_at),
        "Failed model calls": "\n".join(map(described, run.failed_attempts)),
        "Executions": "\n".join(trace.executions),
        "Metadata": pretty(run.metadata) if run.metadata else "",
        "Instructions": run.settings["instructions"],
        "Tools": ", ".join(_tool_name(tool) for tool in run.settings["tools"]),
    }
    return [(name, value) for name, value in facts.items() if value]


def _tool_name(tool: Json) -> str:
    name: str = tool["function"]["name"] if tool["type"] == "function" else tool["type"]
    return name


def _step(step: Json, trace: RunTrace) -> Json:
    details = step["step_details"]
    # The API's shape of a search has no query; the call as the model made it has.
    made = [call for tools in trace.tools if tools.step["id"] == step["id"] for call in tools.calls]
    given = {call["id"]: call["function"]["arguments"] for call in made}
    calls = [_call(call, given.get(call["id"], ""), trace.store) for call in details.get("tool_calls", [])]
    return {**step, "calls": calls, "message_id": details.get("message_creation", {}).get("message_id")}


def _call(call: Json, given: str, store: Store) -> Json:
    """Return a call as its name, its input, its output (None until there is one) and the images that it made.

    Args:
        given: the arguments as the model made them.
    """
    if call["type"] == "function":
        name, gave = call["function"]["name"], call["function"]["output"]
        return {"id": call["id"], "name": name, "input": pretty(given), "output": gave and pretty(gave), "images": []}
    shown = {"id": call["id"], "name": call["type"]}
    body = call[call["type"]]
    if call["type"] == "code_interpreter":
        logs = "\n".join(output["logs"] for output in body["outputs"] if output["type"] == "logs")
        images = [image(output["image"]["file_id"], store) for output in body["outputs"] if output["type"] == "image"]
        return {**shown, "input": body["input"], "output": cut(logs), "images": images}
    return {**shown, "input": pretty(given), "output": pretty(body["results"]), "images": []}


def _message(message: Json, store: Store) -> Json:
    images = [
        image(part["image_file"]["file_id"], store) for part in message["content"] if part["type"] == "image_file"
    ]
    files = [attachment["file_id"] for attachment in message["attachments"] or []]
    return {**message, "text": cut(text_of(message)), "images": images, "files": files}


def image(file_id: str, store: Store) -> Json:
    """Return an image as its id and, if it is still there, a `data:` address."""
    with suppress(ApiError):
        kind, data = store.files.image(file_id)
        return {"id": file_id, "source": f"data:{kind};base64,{base64.b64encode(data).decode()}"}
    return {"id": file_id, "source": ""}


def pretty(value: Any) -> str:
    """Return JSON, or text that may be JSON, as people read it."""
    with suppress(ValueError):
        value = json.loads(value) if isinstance(value, str) else value
    return cut(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False))


def cut(text: str) -> str:
    """Return the text, or its beginning and how long it is."""
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}\n… ({len(text):,} characters in all)"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 100 else f"{seconds:,.0f} s"


def _moment(seconds: int | None) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC" if seconds else ""


_templates.filters.update(seconds=_seconds, moment=_moment)


def write(traces: RunTraces, run: Run, path: Path | None = None) -> Path:
    """Write the report of a run, and return where it is."""
    path = path or private.folder(FOLDER) / f"{run.id}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    private.write(path, html(traces.read(run), datetime.now(UTC)))
    return path
