"""Speaks with espeak-ng 1.52, the library in the package `espeakng-loader`.

The library keeps its state in globals: one text at a time.
"""

import ctypes
import re
import threading
from collections.abc import Callable
from functools import cache

import espeakng_loader

VOICES = {
    "alloy": "en-us",
    "ash": "en-us+m1",
    "ballad": "en-us+m2",
    "cedar": "en-us+m3",
    "coral": "en-us+f1",
    "echo": "en-us+m4",
    "fable": "en-gb-x-rp",
    "marin": "en-us+f2",
    "nova": "en-us+f3",
    "onyx": "en-us+m5",
    "sage": "en-us+f4",
    "shimmer": "en-us+f5",
    "verse": "en-us+m7",
}
"""OpenAI's names of voices, and those of espeak-ng that stand for them."""

WORDS_PER_MINUTE = 160

# https://github.com/espeak-ng/espeak-ng/blob/1.52.0/src/include/espeak-ng/speak_lib.h
_SYNCHRONOUS, _UTF8, _RATE, _AS_IPA = 2, 1, 1, 2
_OnSamples = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_turn = threading.Lock()


class UnknownVoice(Exception):
    """espeak-ng has no such voice."""


def as_spoken(text: str) -> str:
    """Return a text as espeak-ng reads it best: it passes over the sign of a number."""
    return re.sub(r"(?<!\w)[-−](?=\s?\d)", " minus ", text)


def speak(text: str, voice: str = "alloy", speed: float = 1) -> tuple[bytes, int]:
    """Return a text as it sounds: 16-bit samples of one channel, and how many there are in a second.

    Args:
        voice: a name of OpenAI's, or one of espeak-ng's, such as `de`.
        speed: of the speech, 1 for the usual one. espeak-ng speaks 80 to 450 words a minute.

    Raises:
        UnknownVoice: there is no such voice.
    """
    with _turn:
        library, samples_per_second = _library()
        _set_voice(library, voice)
        library.espeak_SetParameter(_RATE, max(80, min(450, round(WORDS_PER_MINUTE * speed))), 0)
        samples = bytearray()
        on_samples = _OnSamples(_collector(samples))
        library.espeak_SetSynthCallback(on_samples)
        data = as_spoken(text).replace("\0", " ").encode() + b"\0"
        library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 0, 0, _UTF8, None, None)
        library.espeak_SetSynthCallback(_OnSamples(0))
        return bytes(samples), samples_per_second


def pronounced(text: str) -> str:
    """Return how an American pronounces a text, in the International Phonetic Alphabet."""
    with _turn:
        library, _ = _library()
        _set_voice(library, "alloy")
        data = ctypes.c_char_p(text.encode())
        rest = ctypes.cast(data, ctypes.c_void_p)
        clauses = []
        while rest.value:
            clauses.append((library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _AS_IPA) or b"").decode())
        return " ".join(clauses)


def _collector(samples: bytearray) -> Callable[..., int]:
    def collect(wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: int) -> int:
        if wave and count:
            samples.extend(ctypes.string_at(wave, count * 2))
        return 0

    return collect


def _set_voice(library: ctypes.CDLL, voice: str) -> None:
    if library.espeak_SetVoiceByName(VOICES.get(voice, voice).encode()) != 0:
        raise UnknownVoice(voice)


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    """Return the library, ready to speak, and how many samples it makes for a second."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
    samples_per_second = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    if samples_per_second <= 0:
        raise RuntimeError("espeak-ng does not start")
    return library, samples_per_second
