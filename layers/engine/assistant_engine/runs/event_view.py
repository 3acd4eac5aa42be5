"""Shows the entries of a run's log as the API's events."""

from dataclasses import replace

from assistant_engine.domain.built import calls_of, content_of
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.domain.message import new_message
from assistant_engine.domain.run import Run
from assistant_engine.domain.run_step import new_step
from assistant_engine.domain.usage import Usage
from assistant_engine.store import Store
from assistant_engine.store.partition import key_of


class EventView:
    """Makes the data of events, for one run.

    Args:
        contents: whether steps show the text that file searches found.
    """

    def __init__(self, store: Store, run: Run, *, contents: bool) -> None:
        self._store, self._ahead = store.reading_ahead()
        self._run = run
        self._contents = contents
        self._stored: Json = {}

    def prepare(self, entries: list[Json]) -> None:
        """Read together what entries that were written together show of the record."""
        names = dict.fromkeys(name for entry in entries if (name := self._shown_of(entry)))
        if len(names) > 1:
            keys = [key_of(self._run.thread_id, name) for name in names]
            self._ahead.read(self._store.connection.messages_table, keys)

    def _shown_of(self, entry: Json) -> str | None:
        """Return the name of the item that an entry shows."""
        if "run" in entry and is_terminal(entry["run"]["status"]):
            return self._run.id
        name: str | None = entry.get("message" if entry["event"].startswith("thread.message.") else "step")
        return name

    def data(self, entry: Json) -> Json | None:
        """Return what an event shows, in the API's shape; None if it shows nothing, or that was deleted since."""
        name: str = entry["event"]
        try:
            if "run" in entry:
                return self._of_run(entry)
            if name == "thread.created":
                thread = self._store.threads.get_head(self._run.thread_id)
                return thread._replace(usage=Usage(), cost=0, runs=0, unpriced_runs=0).api()
            if "delta" in entry:
                return {"id": entry["id"], "object": name, "delta": entry["delta"]}
            return self._of_message(entry) if name.startswith("thread.message.") else self._of_step(entry)
        except NotFound:
            return None

    def _of_run(self, entry: Json) -> Json:
        status, run = entry["run"]["status"], self._run
        if is_terminal(status):
            run = self._store.runs.get(run.thread_id, run.id)  # What it has used is in the record.
        calls: list[Json] = []
        if "calls" in entry:
            tools = self._store.steps.tool_step(run, entry["step"])
            calls = tools.required(entry["calls"], entry["approve"])
        nothing = dict.fromkeys(("started_at", "completed_at", "cancelled_at", "failed_at", "last_error"))
        shown = replace(run, **{**nothing, "incomplete_details": None, **entry["run"]})
        return shown.api(calls, ended=is_terminal(status))

    def _of_message(self, entry: Json) -> Json | None:
        run = self._run
        if "message" in entry:
            if self._stored.get("id") != entry["message"]:  # A delta is followed by the end of its message.
                self._stored = self._store.messages.get(run.thread_id, entry["message"])
            message = self._stored
            if "sent" not in entry:
                return message
            rest = _rest(message["content"], entry["sent"])
            return {"id": message["id"], "object": "thread.message.delta", "delta": {"content": rest}} if rest else None
        made = {
            **new_message({"role": "assistant", "content": []}, entry["at"]),
            "id": entry["id"],
            "thread_id": run.thread_id,
            "assistant_id": run.assistant_id,
            "run_id": run.id,
            "status": "in_progress",
            "completed_at": None,
        }
        if "reason" in entry:
            made["status"] = "incomplete"
            made["incomplete_at"] = entry["ended_at"]
            made["incomplete_details"] = {"reason": entry["reason"]}
            made["content"] = content_of(self._deltas(entry["id"]))
        return made

    def _of_step(self, entry: Json) -> Json:
        run = self._run
        if "step" in entry:
            if "calls" in entry:
                return self._calls(entry)
            step = self._store.steps.get(run.thread_id, run.id, entry["step"], contents=self._contents)
            return self._outputs(step, entry["outputs"]) if "outputs" in entry else step
        details: Json = {"type": "tool_calls", "tool_calls": []}
        if "message" in entry:
            details = {"type": "message_creation", "message_creation": {"message_id": entry["message"]}}
        step = new_step(run, entry["id"], details, entry["at"])
        status = entry["event"].rpartition(".")[2]
        if "ended_at" in entry:
            step |= {"status": status, f"{status}_at": entry["ended_at"], "last_error": entry.get("last_error")}
            if "message" not in entry:
                details["tool_calls"] = calls_of(self._deltas(entry["id"]))
        return step

    def _calls(self, entry: Json) -> Json:
        """Return the delta that has whole calls in it, without outputs."""
        step = self._store.steps.get(self._run.thread_id, self._run.id, entry["step"])
        calls = []
        for index, call in enumerate(step["step_details"]["tool_calls"]):
            if call["id"] in entry["calls"]:
                details = dict(call[call["type"]])
                if call["type"] == "function":
                    details["output"] = None
                elif call["type"] == "code_interpreter":
                    details["outputs"] = []
                else:
                    details = {}
                calls.append({"index": index, "id": call["id"], "type": call["type"], call["type"]: details})
        return _calls_delta(step, calls)

    def _outputs(self, step: Json, call_ids: list[str]) -> Json:
        """Return the delta that has the outputs of calls of the code interpreter."""
        calls = []
        for index, call in enumerate(step["step_details"]["tool_calls"]):
            if call["id"] in call_ids:
                outputs = [{"index": number, **each} for number, each in enumerate(call[call["type"]]["outputs"])]
                calls.append({"index": index, "type": call["type"], call["type"]: {"outputs": outputs}})
        return _calls_delta(step, calls)

    def _deltas(self, id: str) -> list[Json]:
        """Return what the log said of a message or a step, piece by piece."""
        found = []
        for _, entries in self._store.log.read(self._run, after=0):
            found += [entry["delta"] for entry in entries if entry.get("id") == id and "delta" in entry]
        return found


def _calls_delta(step: Json, calls: list[Json]) -> Json:
    details = {"type": "tool_calls", "tool_calls": calls}
    return {"id": step["id"], "object": "thread.run.step.delta", "delta": {"step_details": details}}


def _rest(content: list[Json], sent: list[int]) -> list[Json]:
    """Return what of a message's content was not sent yet: rests of texts, and the annotations of all of it."""
    rest = []
    for index, part in enumerate(content):
        done = sent[index] if index < len(sent) else None
        kind = part["type"]
        if kind == "text":
            text: Json = {}
            if done is None or part["text"]["value"][done:]:
                text["value"] = part["text"]["value"][done or 0 :]
            if done is None or part["text"]["annotations"]:
                annotations = part["text"]["annotations"]
                text["annotations"] = [{"index": number, **each} for number, each in enumerate(annotations)]
            if text:
                rest.append({"index": index, "type": kind, "text": text})
        elif kind == "refusal" and part["refusal"][done or 0 :]:
            rest.append({"index": index, "type": kind, "refusal": part["refusal"][done or 0 :]})
        elif done is None:
            rest.append({"index": index, **part})
    return rest
