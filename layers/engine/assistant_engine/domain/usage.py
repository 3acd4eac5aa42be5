"""Usage: the tokens of model calls, and all that a run has taken."""

from dataclasses import asdict, dataclass, field, fields

from assistant_engine.domain.json_data import Json

NANODOLLARS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the model reported. Adding two gives the usage of both.

    Attributes:
        cached_tokens: those of the prompt that the provider had at hand.
        cache_write_tokens: those of the prompt that the provider put into its cache; none of them is a cached one.
        reasoning_tokens: those of the completion that nobody sees.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )

    @property
    def total_tokens(self) -> int:
        """Tokens of the prompt and of the completion; the others are among them."""
        return self.prompt_tokens + self.completion_tokens

    def api(self) -> Json:
        """`RunCompletionUsage`."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
        }


@dataclass(frozen=True, slots=True)
class SpeechUsage:
    """Speech that was heard or made, in runs or not. Adding two gives the usage of both.

    Attributes:
        audio_seconds: of sound that was transcribed, each sound's rounded up.
        speech_characters: of text that was spoken.
        speech_cost: in billionths of a US dollar; none of it is of a model without a price.
    """

    audio_seconds: int = 0
    speech_characters: int = 0
    speech_cost: int = 0

    def __add__(self, other: "SpeechUsage") -> "SpeechUsage":
        return SpeechUsage(
            self.audio_seconds + other.audio_seconds,
            self.speech_characters + other.speech_characters,
            self.speech_cost + other.speech_cost,
        )

    @staticmethod
    def of(figures: Json) -> "SpeechUsage":
        """The usage that an item's attributes tell; what is missing is 0."""
        return SpeechUsage(**{each.name: figures.get(each.name, 0) for each in fields(SpeechUsage)})


@dataclass(frozen=True, slots=True)
class RunUsage:
    """The usage of a run: so far or, once it has ended, in all.

    The four times together are the time from the run's creation to its end, in milliseconds.

    Attributes:
        model_calls: those whose answer was stored; `usage` is theirs.
        tool_calls: those that the model made, of the stack's tools and of the client's.
        model_ms: until the model had answered, the waits that a busy one asked for included.
        tool_ms: while tools of the stack worked; of calls side by side each moment counts once.
        client_ms: while the run waited for its client.
        engine_ms: the rest; 0 until the run has ended.
        cost: of the model calls, in billionths of a US dollar; None for a model without a price.

    Adding two gives the usage of both; one without a cost adds none.
    """

    usage: Usage = field(default_factory=Usage)
    model_calls: int = 0
    tool_calls: int = 0
    model_ms: int = 0
    tool_ms: int = 0
    client_ms: int = 0
    engine_ms: int = 0
    cost: int | None = None

    def __add__(self, other: "RunUsage") -> "RunUsage":
        mine, others = self.figures(), other.figures()
        return RunUsage.of({name: mine.get(name, 0) + others.get(name, 0) for name in mine | others})

    def figures(self) -> dict[str, int]:
        """All of it as attributes of an item; no `cost` where there is none."""
        figures = {**asdict(self.usage), **{name: getattr(self, name) for name in _COUNTED}}
        return figures if self.cost is None else {**figures, "cost": self.cost}

    @staticmethod
    def of(figures: Json) -> "RunUsage":
        """The usage that an item's attributes tell; what is missing is 0."""
        usage = Usage(**{each.name: figures.get(each.name, 0) for each in fields(Usage)})
        return RunUsage(usage, **{name: figures.get(name, 0) for name in _COUNTED}, cost=figures.get("cost"))


_COUNTED = ("model_calls", "tool_calls", "model_ms", "tool_ms", "client_ms", "engine_ms")
