"""What a model says in a turn, while it says it, as the entries of its run's log. No clock, no store.

The model's words come as pieces. Pieces of one kind that follow each other become one delta, when they are taken.
"""

import json
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from assistant_engine.domain import builtin_tools
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json, well_formed
from assistant_engine.domain.stream import Announced, Open, calls_delta, carried_out, message_delta, opened
from assistant_engine.domain.turn import Turn

BATCH_SECONDS = 0.25
"""How long deltas are gathered before they are written together; the first one after a pause goes at once."""

BATCH_BYTES = 32 * 1024
"""How much is written together at most."""

_PIECE_CHARACTERS = 4_000
"""A delta has at most so many characters, so that some fit into a batch."""


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of a text, or of a refusal.

    Attributes:
        part: tells the parts of the message apart.
    """

    part: Hashable
    text: str
    refusal: bool = False


@dataclass(frozen=True, slots=True)
class Called:
    """The beginning of a call.

    Attributes:
        part: tells the calls apart.
        hosted: whether the model's provider carries it out.
    """

    part: Hashable
    call_id: str
    name: str
    hosted: bool = False


@dataclass(frozen=True, slots=True)
class Argued:
    """A piece of a call's arguments; of a hosted call the code itself."""

    part: Hashable
    text: str


@dataclass(frozen=True, slots=True)
class PutOut:
    """The logs of a hosted call of the code interpreter, which is over."""

    part: Hashable
    logs: str


Piece = Said | Called | Argued | PutOut


@dataclass(slots=True)
class _Call:
    index: int
    id: str
    name: str
    hosted: bool
    arguments: str = ""
    code: str = ""


@dataclass(slots=True)
class Draft:
    """What was said so far in an attempt at a turn.

    Attributes:
        images: the ids of the image files that the message begins with: the run's code has drawn them before.
        new_message: makes the id of the message.
        new_step: makes the id of a step; given the step's place in the turn (0 a message, 1 calls, 2 a message after
            calls of the provider).
    """

    images: list[str]
    new_message: Callable[[], str]
    new_step: Callable[[int], str]
    open: Open | None = None
    _waiting: list[Json] = field(default_factory=list)
    _announced: Announced | None = None
    _parts: dict[Hashable, int] = field(default_factory=dict)
    _texts: list[tuple[str, str]] = field(default_factory=list)
    _calls: dict[Hashable, _Call] = field(default_factory=dict)
    _unread: _Call | None = None
    _gathered: int = 0
    _closed: bool = False

    @property
    def announced(self) -> Announced | None:
        """What was told of so far, in the order that it was taken in."""
        if self._announced is None:
            return None
        sent = (*(1 for _ in self.images), *(len(text) for _, text in self._texts))
        ids = tuple(call.id for call in self._calls.values())
        message = self._announced.message is not None
        return self._announced._replace(sent=sent if message else (), calls=ids, calls_done=self._closed)

    def add(self, piece: Piece, now: Seconds) -> None:
        """Take in a piece. One that belongs to a second step at the same time is left to the turn's end."""
        self._gathered += len(getattr(piece, "text", ""))
        if isinstance(piece, Said):
            self._say(piece, now)
        elif isinstance(piece, Called):
            self._read_code()
            self._call(piece, now)
        elif call := self._calls.get(piece.part):
            if isinstance(piece, Argued):
                self._argue(call, piece.text)
            elif piece.logs:
                self._read_code()
                outputs = [{"index": 0, "type": "logs", "logs": piece.logs}]
                self._tell(calls_delta(self._step, _code(call, outputs=outputs)))

    # What the model says

    def _say(self, piece: Said, now: Seconds) -> None:
        if not piece.text or not self._message_opens(now):
            return
        kind = "refusal" if piece.refusal else "text"
        if piece.part not in self._parts:
            self._parts[piece.part] = len(self._texts)
            self._texts.append((kind, ""))
        number = self._parts[piece.part]
        before = self._texts[number][1]
        self._texts[number] = kind, before + piece.text
        for start in range(0, len(piece.text), _PIECE_CHARACTERS):
            text = piece.text[start : start + _PIECE_CHARACTERS]
            self._tell_text(len(self.images) + number, kind, text, first=not before and start == 0)

    def _tell_text(self, index: int, kind: str, text: str, *, first: bool) -> None:
        last = self._waiting[-1].get("delta", {}).get("content", []) if self._waiting else []
        if last and (last[-1]["index"], last[-1]["type"]) == (index, kind):
            holder, name = (last[-1]["text"], "value") if kind == "text" else (last[-1], "refusal")
            if len(holder[name]) + len(text) <= _PIECE_CHARACTERS:
                holder[name] += text
                return
        content = {"value": text, **({"annotations": []} if first else {})} if kind == "text" else text
        assert self.open and self.open.message
        self._tell(message_delta(self.open.message, {"index": index, "type": kind, kind: content}))

    def _message_opens(self, now: Seconds) -> bool:
        """Open the step of the message unless it is open; whether it is."""
        if self.open and self.open.message:
            return True
        if self.open and not (self._calls and all(call.hosted for call in self._calls.values())):
            return False
        place = 0
        if self.open:
            self._read_code()
            self._tell(carried_out(self.open, now))
            self._closed, place = True, 2
        message = self.new_message()
        self._begin(self.new_step(place), now, message)
        announced = self._announced or Announced(now)
        self._announced = announced._replace(message=message, message_step=self._step, at=self._at(now))
        for index, file_id in enumerate(self.images):
            shown = {"index": index, "type": "image_file", "image_file": {"file_id": file_id, "detail": "auto"}}
            self._tell(message_delta(message, shown))
        return True

    # What it calls

    def _call(self, piece: Called, now: Seconds) -> None:
        if self.open and self.open.message:
            return
        if not self.open:
            self._begin(self.new_step(1), now)
            self._announced = Announced(now, calls_step=self._step)
        call = _Call(len(self._calls), piece.call_id, piece.name, piece.hosted)
        self._calls[piece.part] = call
        begun: Json = {"index": call.index, "id": call.id, "type": "function"}
        if piece.name == "file_search":
            begun |= {"type": "file_search", "file_search": {}}
        elif piece.name == "code_interpreter":
            begun |= {"type": "code_interpreter", "code_interpreter": {"input": "", "outputs": []}}
        else:
            begun |= {"function": {"name": piece.name, "arguments": "", "output": None}}
        self._tell(calls_delta(self._step, begun))

    def _argue(self, call: _Call, text: str) -> None:
        call.arguments += text
        if call.name == "code_interpreter":
            if self._unread is not call:
                self._read_code()
            self._unread = call
        elif call.name != "file_search":
            self._tell_arguments(call, text)

    def _read_code(self) -> None:
        """Tell of the code in arguments that came in since; once a batch, as all of them are read each time."""
        call, self._unread = self._unread, None
        if call:
            code = call.arguments if call.hosted else code_so_far(call.arguments)
            text, call.code = code[len(call.code) :], code
            self._tell_arguments(call, text)

    def _tell_arguments(self, call: _Call, text: str) -> None:
        for start in range(0, len(text), _PIECE_CHARACTERS):
            self._tell_piece(call, text[start : start + _PIECE_CHARACTERS])

    def _tell_piece(self, call: _Call, text: str) -> None:
        is_code = call.name == "code_interpreter"
        kind, name = ("code_interpreter", "input") if is_code else ("function", "arguments")
        last = self._waiting[-1].get("delta", {}).get("step_details", {}).get("tool_calls", []) if self._waiting else []
        goes_on = last and last[-1]["index"] == call.index and "id" not in last[-1] and name in last[-1].get(kind, {})
        if goes_on and len(last[-1][kind][name]) + len(text) <= _PIECE_CHARACTERS:
            last[-1][kind][name] += text
            return
        said = _code(call, input=text) if is_code else {"index": call.index, "type": kind, kind: {"arguments": text}}
        self._tell(calls_delta(self._step, said))

    # Batches

    def _begin(self, step: str, now: Seconds, message: str | None = None) -> None:
        told = opened(step, self._at(now), message)
        self.open = told.open
        self._waiting += told.entries

    def _at(self, now: Seconds) -> Seconds:
        return self._announced.at if self._announced else now

    @property
    def _step(self) -> str:
        assert self.open
        return self.open.step

    def _tell(self, entry: Json) -> None:
        self._waiting.append(entry)

    @property
    def is_waiting(self) -> bool:
        """Return whether there is something to be taken."""
        return bool(self._waiting or self._unread)

    @property
    def is_full(self) -> bool:
        """Return whether there is as much to be taken as one batch holds."""
        return 4 * self._gathered >= BATCH_BYTES  # A character has at most four bytes.

    def take(self) -> list[Json]:
        """Take the entries of the next batch."""
        self._read_code()
        self._gathered = 0
        size, count = 0, 0
        while count < len(self._waiting) and (not count or size < BATCH_BYTES // 2):
            size += _size(self._waiting[count : count + 1])
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    # The end

    def matching(self, turn: Turn) -> Announced | None:
        """Return what was told, if the turn goes on from there; None if it came to something else."""
        told = self.announced
        if told is None:
            return None
        if told.message:
            content = turn.message["content"] if turn.message else []
            shown = [part["image_file"]["file_id"] for part in content[: len(self.images)] if "image_file" in part]
            texts = content[len(self.images) :]
            if shown != self.images or len(texts) < len(self._texts):
                return None
            for (kind, text), part in zip(self._texts, texts, strict=False):
                whole = part["text"]["value"] if part["type"] == "text" else part.get("refusal", "")
                if part["type"] != kind or not whole.startswith(text):
                    return None
        elif turn.message and told.calls_step and not self._all_hosted:
            return None  # Clients bear one step at a time, and that of the calls goes on.
        return told if self._calls_match(turn) else None

    @property
    def _all_hosted(self) -> bool:
        return all(call.hosted for call in self._calls.values())

    def _calls_match(self, turn: Turn) -> bool:
        told = list(self._calls.values())
        if [call.id for call in told] != [call["id"] for call in turn.calls[: len(told)]]:
            return False
        for call, made in zip(told, turn.calls, strict=False):
            if call.name == "code_interpreter":
                if call.code != builtin_tools.code_of(made):
                    return False
            elif call.name != "file_search" and call.arguments != made["function"]["arguments"]:
                return False
        return True


def _code(call: _Call, **members: object) -> Json:
    return {"index": call.index, "type": "code_interpreter", "code_interpreter": members}


def _size(entries: list[Json]) -> int:
    return len(json.dumps(entries, ensure_ascii=False).encode(errors="replace"))


_CODE = re.compile(r'\s*\{\s*"code"\s*:\s*"((?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*)')
_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}$")


def code_so_far(arguments: str) -> str:
    """Return as much of the code as the beginning of a call's arguments (`{"code": "..."}` as JSON) tells for sure."""
    found = _CODE.match(arguments)
    if not found:
        return ""
    text = _HALF.sub("", found[1])  # Of a pair of surrogates the second may be on its way.
    code: str = json.loads(f'"{text}"')
    return well_formed(code)
