"""Makes examples for fine-tuning of what was said: the lines of its files. Pure functions.

An example is in the shape of a chat completion: OpenAI's `FineTuneChatRequestInput`. Azure OpenAI, Together, Fireworks
and TRL take it, too. Amazon Bedrock has a shape of its own (`bedrock-conversation-2024`), without tools or weights.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from assistant_engine.domain.builtin_tools import CARRIED_OUT, FUNCTIONS
from assistant_engine.domain.json_data import Json, dicts_of
from assistant_engine.domain.message import text_of
from assistant_engine.domain.rating import weight_of

Per = Literal["thread", "run"]
Format = Literal["openai", "bedrock"]
Reason = Literal[
    "not_completed",
    "exported_before",
    "deleted",
    "image",
    "refusal",
    "hosted_tool",
    "imported_tools",
    "empty",
    "weight",
    "too_large",
]
"""Why a run is in no example."""

MAX_BYTES = 512 * 1024
"""Bytes of a line: about the 128,000 tokens that the largest models learn from at once."""

FEWEST_EXAMPLES: Final = 10
"""Examples that OpenAI asks for at least ("Supervised fine-tuning")."""


class LeftOut(Exception):
    """A run can't be an example."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class Taken:
    """A run that is learned from, with what it said.

    Attributes:
        settings: `Run.settings`.
        turns: the output items of each of its turns; none of a run that was brought along.
        outputs: of the calls in each turn but the last, by call id, as the model was told them.
    """

    run_id: str
    settings: Json
    turns: list[list[Json]]
    outputs: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation to learn from.

    Attributes:
        messages: as in a chat completion; an assistant's text has a `weight`, and `context` where it only leads there.
    """

    run_ids: list[str]
    instructions: str
    messages: list[Json]
    tools: list[Json] = field(default_factory=list)
    parallel_tool_calls: bool = True


def check(taken: Taken, said: Sequence[Json]) -> None:
    """Check that a run can be learned from: that all of what it said is still in its thread, and nothing else is in it.

    Raises:
        LeftOut: it can't.
    """
    if any(item["type"] in CARRIED_OUT for turn in taken.turns for item in turn):
        raise LeftOut("hosted_tool")
    own = [message for message in said if message["run_id"] == taken.run_id]
    if not own or len(own) < sum(any(item["type"] == "message" for item in turn) for turn in taken.turns):
        raise LeftOut("deleted")
    if all(part["type"] == "text" and not part["text"]["value"] for part in own[-1]["content"]):
        raise LeftOut("empty")


def is_for_training(seed: int, thread_id: str, percentage: float) -> bool:
    """Return whether a thread's examples are for training; the others are for validation. Each time the same ones."""
    drawn = hashlib.sha256(f"{seed},{thread_id}".encode()).digest()[:8]
    return int.from_bytes(drawn) * 100 < percentage * 2**64


def whole(said: Sequence[Json], runs: Mapping[str, Taken], least: float) -> Example:
    """Return the example of a thread: all that was said until the last of the runs ended.

    What other runs said is context, which nothing is learned from.

    Args:
        said: the thread's messages (`MessageObject`), in order.
        runs: those that are learned from, by id; at least one.
        least: a message of less weight is context.

    Raises:
        LeftOut: something in it can't be in an example.
    """
    ends = max(index for index, message in enumerate(said) if message["run_id"] in runs)
    messages: list[Json] = []
    order: list[Taken] = []
    for message in said[: ends + 1]:
        taken = runs.get(message["run_id"] or "")
        if taken is None:
            messages += _context([message], least)
        elif taken not in order:
            order.append(taken)
            messages += _answered(taken, said, least)
    return _example(order, messages)


def single(said: Sequence[Json], taken: Taken, least: float) -> Example:
    """Return the example of a run: what came before it as context, and its own turns.

    Args:
        said, least: as for `whole`.

    Raises:
        LeftOut: something in it can't be in an example.
    """
    begins = next(index for index, message in enumerate(said) if message["run_id"] == taken.run_id)
    last = taken.settings["truncation_strategy"]["last_messages"] or begins
    before = said[max(0, begins - last) : begins]
    own = _answered(taken, said, least)
    room = MAX_BYTES // 2 - len(json.dumps(own))
    for start, message in enumerate(reversed(before)):
        room -= len(text_of(message).encode())
        if room < 0:
            before = before[len(before) - start :]
            break
    return _example([taken], [*_context(before, least=2), *own])


def _example(taken: list[Taken], messages: list[Json]) -> Example:
    if not any(message.get("weight") for message in messages):
        raise LeftOut("weight")
    last = taken[-1].settings
    tools = {tool["function"]["name"]: tool for tool in _tools(last)}
    called = {call["function"]["name"] for message in messages for call in message.get("tool_calls", ())}
    for tool in (tool for each in reversed(taken[:-1]) for tool in _tools(each.settings)):
        name = tool["function"]["name"]
        if name in called and name not in tools:
            tools[name] = tool
    run_ids = [each.run_id for each in taken]
    return Example(
        run_ids, taken[0].settings["instructions"], messages, list(tools.values()), last["parallel_tool_calls"]
    )


def _tools(settings: Json) -> Iterator[Json]:
    for tool in settings["tools"]:
        function = tool.get("function") or FUNCTIONS[tool["type"]]
        known = {name: function[name] for name in ("name", "description", "parameters") if function.get(name)}
        yield {"type": "function", "function": known}


def _context(said: Iterable[Json], least: float) -> Iterator[Json]:
    """What led to an answer. An assistant's message is learned from if a client gave it and its weight says so."""
    for message in said:
        _check(message)
        text = text_of(message)
        if message["role"] == "user":
            yield {"role": "user", "content": text}
        elif text:
            chosen = message["run_id"] is None and "weight" in message["metadata"]
            learned = chosen and weight_of(message["metadata"]) >= least
            yield {
                "role": "assistant",
                "content": text,
                "weight": int(learned),
                **({} if learned else {"context": True}),
            }


def _check(message: Json) -> None:
    kinds = {part["type"] for part in message["content"]}
    if "refusal" in kinds:
        raise LeftOut("refusal")
    if not kinds <= {"text"}:
        raise LeftOut("image")


def _answered(taken: Taken, said: Sequence[Json], least: float) -> list[Json]:
    """What a run said and called, word for word; of one that is not to be learned from, what it said alone."""
    own = [message for message in said if message["run_id"] == taken.run_id]
    for message in own:
        _check(message)
    weight = int(min(weight_of(message["metadata"]) for message in own) >= least)
    if weight and taken.turns:
        return list(_turns(taken))
    texts = (text_of(message) for message in own)
    return [{"role": "assistant", "content": text, "weight": weight} for text in texts if text]


def _turns(taken: Taken) -> Iterator[Json]:
    for turn, outputs in zip(taken.turns, [*taken.outputs, {}], strict=True):
        # What a model's server sends in addition may have any shape.
        parts = [part for item in turn if item["type"] == "message" for part in dicts_of(item.get("content"))]
        texts = (part.get("text") for part in parts if part.get("type") == "output_text")
        text = "\n".join(each for each in texts if isinstance(each, str) and each)
        calls = [item for item in turn if item["type"] == "function_call"]
        if not calls:
            yield {"role": "assistant", "content": text, "weight": 1}
            continue
        made = [
            {
                "id": call["call_id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in calls
        ]
        # OpenAI takes no weight beside calls.
        yield {"role": "assistant", "content": text or None, "tool_calls": made}
        for call in calls:
            yield {"role": "tool", "tool_call_id": call["call_id"], "content": outputs[call["call_id"]]}


# Lines


def line_of(example: Example, shape: Format) -> bytes:
    """Return the example as a line of a file, with its end.

    Raises:
        LeftOut: it is too large, or nothing is left of it in this format.
    """
    made = _openai(example) if shape == "openai" else _bedrock(example)
    line = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    if len(line) > MAX_BYTES:
        raise LeftOut("too_large")
    return line


def _openai(example: Example) -> Json:
    system = [{"role": "system", "content": example.instructions}] if example.instructions else []
    messages = [{name: value for name, value in each.items() if name != "context"} for each in example.messages]
    line: Json = {"messages": [*system, *messages]}
    if example.tools:
        line |= {"tools": example.tools, "parallel_tool_calls": example.parallel_tool_calls}
    return line


def _bedrock(example: Example) -> Json:
    """Return the example as Bedrock takes it: user and assistant in turn, each answer learned from."""
    turns: list[Json] = []
    for message in example.messages:
        role, text = message["role"], message.get("content")
        if role == "tool" or not text:
            continue
        if message.get("weight") == 0 and "context" not in message:
            # There are no weights: an answer that is not to be learned goes, and so does its question.
            if turns and turns[-1]["role"] == "user":
                turns.pop()
        elif turns and turns[-1]["role"] == role:
            turns[-1]["content"].append({"text": text})
        elif turns or role == "user":
            turns.append({"role": role, "content": [{"text": text}]})
    while turns and turns[-1]["role"] == "user":
        turns.pop()
    if not turns:
        raise LeftOut("weight")
    system = {"system": [{"text": example.instructions}]} if example.instructions else {}
    return {"schemaVersion": "bedrock-conversation-2024", **system, "messages": turns}
