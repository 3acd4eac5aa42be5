"""Puts together, from the record, what the model is asked in a run's next turn."""

from dataclasses import dataclass

from assistant_engine.domain import builtin_tools, tool_resources
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import awaits_transcript, text_of
from assistant_engine.domain.run import Run
from assistant_engine.model import images, request
from assistant_engine.runtime.settings import ContextBudget, HostedTools, configured
from assistant_engine.store import Store

MAX_MESSAGES = 500
"""Messages of the thread that a turn reads at most, however long the thread is."""


class Unheard(Exception):
    """Messages that the model would be shown wait for the text of their sound.

    Attributes:
        messages: those that wait, oldest first.
    """

    def __init__(self, messages: list[Json]) -> None:
        super().__init__("messages wait for the text of their sound")
        self.messages = messages


@dataclass(frozen=True, slots=True)
class Prompt:
    """A model call that is to be made.

    Attributes:
        body: of `POST /responses`.
        over: the token budget that leaves no room for the call, if one does: `max_prompt_tokens` or
            `max_completion_tokens`.
        results: what built-in tools have come to in this run.
        shown_since: the turn that last said something; images of later calls stand in no message yet.
        spoken_to: whether the newest message of the user was spoken.
    """

    body: Json
    over: str | None
    results: list[builtin_tools.Result]
    shown_since: int
    spoken_to: bool = False

    @property
    def images(self) -> list[str]:
        """The ids of the image files that a message of this turn begins with."""
        return builtin_tools.fresh_images(self.results, self.shown_since)


def prompt_of(store: Store, run: Run) -> Prompt:
    """Read what the run's next turn needs: a bounded part of the thread, and the run's own turns.

    Raises:
        NotFound, InvalidRequest: an image of a message was deleted, is none, or can't be fetched.
        Unheard: messages wait for the text of their sound.
    """
    settings = {**run.settings, "model": run.model}
    budget = configured(ContextBudget).context_tokens
    if settings["max_prompt_tokens"]:
        budget = min(budget, settings["max_prompt_tokens"] - run.usage.prompt_tokens)
    messages = _messages(store, run, budget)
    if unheard := [message for message in messages if awaits_transcript(message)]:
        raise Unheard(unheard)
    turns = store.runs.turns(run) if run.turn else []
    steps = store.steps.tool_steps(run) if run.turn else []
    outputs, results = builtin_tools.tell([step.calls for step in steps], store.steps.output_texts(steps))
    body = request.build_request(settings, messages, turns, outputs, run.usage, _hosted(store, run))
    automatic = settings["truncation_strategy"]["type"] == "auto"
    fits = request.fit(body, budget, len(messages), keep_first=automatic)
    over = None
    if settings["max_prompt_tokens"] and not fits:
        over = "max_prompt_tokens"
    elif body.get("max_output_tokens", request.SMALLEST_OUTPUT_TOKENS) < request.SMALLEST_OUTPUT_TOKENS:
        over = "max_completion_tokens"
    else:
        images.put_bytes(body["input"], store.of(run.project).files)
    said = [number for number, turn in enumerate(turns) if any(item["type"] == "message" for item in turn)]
    asked = next((message for message in reversed(messages) if message["role"] == "user"), {})
    return Prompt(body, over, results, said[-1] if said else 0, spoken_to="file_id" in asked.get("audio", {}))


def _hosted(store: Store, run: Run) -> dict[str, Json | None]:
    """`builtin_tools.hosted_tools` of the run; the thread is read for them alone."""
    tools = run.settings["tools"]
    hosted = configured(HostedTools).hosted_tools
    if not hosted & {tool["type"] for tool in tools}:
        return {}
    resources = [run.tool_resources, store.threads.get_head(run.thread_id).tool_resources]
    file_ids = tool_resources.named(resources, "code_interpreter", "file_ids")
    return builtin_tools.hosted_tools(
        tools, hosted, file_ids, tool_resources.named(resources, "file_search", "vector_store_ids")
    )


def _messages(store: Store, run: Run, budget: int) -> list[Json]:
    """The messages of the thread that the model is shown, oldest first."""
    truncation = run.settings["truncation_strategy"]
    automatic = truncation["type"] == "auto"
    most = MAX_MESSAGES if automatic else min(MAX_MESSAGES, truncation["last_messages"])
    # What the run itself has said stands in its turns, together with the calls around it.
    messages, more = store.messages.newest(
        run.thread_id,
        most,
        size=budget * request.BYTES_PER_TOKEN,
        image_size=images.MAX_BYTES,
        without_run=run.id,
    )
    if automatic and more and (first := store.messages.first(run.thread_id, run.id)):
        messages = [first, *(message for message in messages if message["id"] != first["id"])]
    return [message for message in messages if _says_something(message)]


def _says_something(message: Json) -> bool:
    """Return whether a message says something, or will: some servers refuse one that does not.

    An answer of the model may be empty, and sound may be without speech.
    """
    if message["role"] == "user" and ("audio" not in message or awaits_transcript(message)):
        return True
    return bool(text_of(message) or any("image" in part["type"] for part in message["content"]))
