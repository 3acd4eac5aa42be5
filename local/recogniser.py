"""Understands speech with pocketsphinx and the model of American English in its package.

Sentences that are known are recognised well, by a grammar of them; any other speech is written down by free dictation,
which is poor. The decoders keep what they hear in themselves: one sound at a time.
"""

import io
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from pocketsphinx import Decoder, Segmenter, get_model_path

from local import espeak
from local.audio_formats import RATE

INAUDIBLE = "[inaudible]"
"""Stands for a sound in which no word was made out."""

# The phones of the model (CMUdict's) by the International Phonetic Alphabet of espeak-ng, longest first.
_PHONES = {
    "tʃ": "CH",
    "dʒ": "JH",
    "aɪ": "AY",
    "aʊ": "AW",
    "eɪ": "EY",
    "oʊ": "OW",
    "ɔɪ": "OY",
    "ɜ": "ER",
    "ɚ": "ER",
    "i": "IY",
    "ɪ": "IH",
    "ᵻ": "IH",
    "ɛ": "EH",
    "e": "EH",
    "æ": "AE",
    "ɑ": "AA",
    "a": "AA",
    "ɔ": "AO",
    "o": "AO",
    "u": "UW",
    "ʊ": "UH",
    "ʌ": "AH",
    "ə": "AH",
    "ɐ": "AH",
    "p": "P",
    "b": "B",
    "t": "T",
    "ɾ": "T",
    "ʔ": "T",
    "d": "D",
    "k": "K",
    "x": "K",
    "ɡ": "G",
    "f": "F",
    "v": "V",
    "θ": "TH",
    "ð": "DH",
    "s": "S",
    "z": "Z",
    "ʃ": "SH",
    "ʒ": "ZH",
    "h": "HH",
    "m": "M",
    "n": "N",
    "ŋ": "NG",
    "l": "L",
    "ɹ": "R",
    "w": "W",
    "j": "Y",
}
_IN_IPA = re.compile("|".join(_PHONES))
_OTHER_SPEECH = "anything"
_PENALTY = 1e-10
"""How much less likely other speech is than a known sentence, for each phone of it."""

_BEAMS = {"beam": 1e-100, "pbeam": 1e-100, "wbeam": 1e-80}
_NOISE = 16
"""How loud the noise is that is added, of 32,768."""
MAX_WHOLE_SECONDS = 60
"""A longer sound is heard part by part."""
_turn = threading.Lock()


@dataclass(frozen=True)
class Heard:
    """What was heard.

    Attributes:
        is_known: whether all of it is sentences of the grammar.
    """

    text: str
    is_known: bool


def hear(samples: bytes, sentences: Sequence[str]) -> Heard:
    """Return the words of a sound.

    Args:
        samples: 16 bits, one channel, `RATE` a second.
        sentences: those that are known, as they are written.
    """
    with _turn:
        grammar = _grammar(tuple(dict.fromkeys(sentences)))
        if len(samples) <= 2 * RATE * MAX_WHOLE_SECONDS and (known := grammar.hear(samples)):
            return Heard(known, is_known=True)
        parts = list(_parts(samples))
        heard = [grammar.hear(part) or _dictated(part) for part in parts] if len(parts) > 1 else [_dictated(samples)]
    return Heard(" ".join(filter(None, heard)) or INAUDIBLE, is_known=False)


class _Grammar:
    """Decodes known sentences, one or several of them in any order.

    Each word of each sentence has a name of its own, so that a way through the grammar names its sentences. Beside
    them there is a loop over all phones: other speech takes that way.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        self._sentences = sentences
        words = [list(filter(None, map(_pronunciations, _words(sentence)))) for sentence in sentences]
        self._lengths = [len(each) for each in words]
        named = {f"s{n}w{m}": each for n, sentence in enumerate(words) for m, each in enumerate(sentence)}
        phones = sorted(set(_PHONES.values()))
        rows = [
            f"{name}{f'({nth})' if nth > 1 else ''} {phones}"
            for name, pronunciations in named.items()
            for nth, phones in enumerate(pronunciations, 1)
        ]
        rows += [f"{_OTHER_SPEECH}{phone} {phone}" for phone in phones]
        # From state 0 to 1, each sentence goes through states of its own; 2 is for other speech.
        steps: list[tuple[int, int, float] | tuple[int, int, float, str]] = [(1, 0, 1.0), (2, 1, 1.0)]
        steps += [(here, 2, _PENALTY, f"{_OTHER_SPEECH}{phone}") for phone in phones for here in (0, 2)]
        state = 3
        for n, length in enumerate(self._lengths):
            states = [0, *range(state, state + length - 1), 1]
            steps += [
                (states[m], states[m + 1], 1 / len(sentences) if m == 0 else 1.0, f"s{n}w{m}") for m in range(length)
            ]
            state += length
        with tempfile.NamedTemporaryFile("w", suffix=".dict", encoding="utf-8") as dictionary:
            dictionary.write("\n".join(rows) + "\n")
            dictionary.flush()
            self._decoder = Decoder(
                lm=None, dict=dictionary.name, samprate=RATE, loglevel="FATAL", bestpath=False, **_BEAMS
            )
        self._decoder.add_fsg("speech", self._decoder.create_fsg("speech", 0, 1, steps))
        self._decoder.activate_search("speech")

    def hear(self, samples: bytes) -> str:
        """Return the known sentences that a sound consists of; empty if it consists of anything else."""
        names = without_single_phones(_decoded(self._decoder, samples).split())
        begun = [int(name[1:-2]) for name in names if re.fullmatch(r"s\d+w0", name)]
        # The last sentence may have broken off.
        complete = [f"s{n}w{m}" for n in begun for m in range(self._lengths[n])]
        return " ".join(self._sentences[n] for n in begun) if names == complete else ""


def without_single_phones(names: Sequence[str]) -> list[str]:
    """Return what a sound consists of, without other speech of a single phone: an end drawn out, or a breath."""
    return [
        name
        for here, name in enumerate(names)
        if not name.startswith(_OTHER_SPEECH)
        or any(
            beside.startswith(_OTHER_SPEECH)
            for beside in (*names[max(0, here - 1) : here], *names[here + 1 : here + 2])
        )
    ]


@lru_cache(maxsize=2)
def _grammar(sentences: tuple[str, ...]) -> _Grammar:
    return _Grammar(sentences)


def _dictated(samples: bytes) -> str:
    """Return the words of free dictation, in lower case; empty where none is made out."""
    words = _decoded(_dictation(), samples).split()
    return " ".join(re.sub(r"\(\d+\)$", "", word) for word in words if word[0] not in "<[")


@cache
def _dictation() -> Decoder:
    return Decoder(samprate=RATE, loglevel="FATAL")


def _decoded(decoder: Decoder, samples: bytes) -> str:
    decoder.start_utt()
    decoder.process_raw(_with_noise(samples), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


def _with_noise(samples: bytes) -> bytes:
    """Return a sound with the noise that every recording has: the model has never heard the stillness of a made one."""
    sound = np.frombuffer(samples, np.int16)
    noise = np.random.default_rng(0).normal(0, _NOISE, len(sound))
    return (sound + noise).clip(-32_768, 32_767).astype(np.int16).tobytes()


def _parts(samples: bytes) -> Iterator[bytes]:
    """Yield the parts of a sound in which somebody speaks, divided by pauses."""
    for part in Segmenter(sample_rate=RATE).segment(io.BytesIO(samples)):
        yield bytes(part.pcm)


def _words(sentence: str) -> Iterable[str]:
    return espeak.as_spoken(sentence).split()


@lru_cache(maxsize=4096)
def _pronunciations(word: str) -> tuple[str, ...]:
    """Return how a word may be pronounced, in the model's phones: as espeak-ng does it, and as people do."""
    spoken = espeak.pronounced(word)
    found = [" ".join(_PHONES[symbol] for symbol in _IN_IPA.findall(spoken))]
    found += _dictionary().get(re.sub(r"[^\w']", "", word).lower(), [])
    return tuple(dict.fromkeys(filter(None, found)))


@cache
def _dictionary() -> dict[str, list[str]]:
    """Return CMUdict, which comes with the model: the phones of each word."""
    words: dict[str, list[str]] = {}
    for line in Path(get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines():
        word, _, phones = line.partition(" ")
        words.setdefault(word.partition("(")[0], []).append(phones)
    return words
