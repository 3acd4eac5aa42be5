"""The table of system calls as a program for the kernel's filter (classic BPF, `struct sock_filter`)."""

import errno
import struct
from collections.abc import Iterable

from interpreter.system_calls import ABSENT, ARCHITECTURES, MAX_NUMBER, RULES, Rule, numbers

ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM
NOT_THERE = 0x00050000 | errno.ENOSYS
KILL = 0x80000000

_X32 = 0x40000000
"""From here on: the second set of calls of x86-64, by which the first could be avoided."""
_LOAD, _EQUAL, _AT_LEAST, _ABOVE, _ANY_BIT, _JUMP, _ANSWER = 0x20, 0x15, 0x35, 0x25, 0x45, 0x05, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # places in `struct seccomp_data`, little-endian

Test = tuple[int, int, str, str]
"""A test of what was loaded last: code, value, where to go if it holds and if not (`next`, `pass` or `refuse`)."""


def program(machine: str, own: int, others: Iterable[int]) -> bytes:
    """Return the filter of a machine.

    Args:
        machine: `x86_64` or `aarch64`.
        own: the process that takes the filter. What it starts has a higher id, but for those that are found again from
            the bottom, once 32,768 are used up: those can't be signalled.
        others: processes and threads that are not its own; what matters is those whose ids are higher all the same.
    """
    higher = sorted(other for other in others if other >= own)
    which, architecture = ARCHITECTURES[machine]
    known = numbers(machine)
    blocks = [_block(RULES[name], own, higher) for name in sorted(known.keys() & RULES.keys())]
    places = {known[name]: index for index, name in enumerate(sorted(known.keys() & RULES.keys()))}
    answers = dict.fromkeys(known.values(), ALLOW)
    answers |= {pair[which]: NOT_THERE for pair in ABSENT.values() if pair[which] is not None}  # type: ignore[misc]

    # What happens, by number: a segment reaches to the next one's beginning.
    segments: list[tuple[int, int | str]] = []
    for number in range(MAX_NUMBER + 1):
        found = f"block {places[number]}" if number in places else answers.get(number, REFUSE)
        if segments and segments[-1][1] == found and not isinstance(found, str):
            segments[-1] = (number, found)
        else:
            segments.append((number, found))
    segments += [(_X32 - 1, NOT_THERE), (0xFFFFFFFF, REFUSE)]

    head = [_instruction(_LOAD, _ARCHITECTURE), _instruction(_EQUAL, architecture, 1), _instruction(_ANSWER, KILL)]
    head.append(_instruction(_LOAD, _NUMBER))
    length, starts = 2 * len(segments), [0]
    for block in blocks:
        starts.append(starts[-1] + len(block))
    body = []
    for index, (last, found) in enumerate(segments):
        body.append(_instruction(_ABOVE, last, 1))
        if isinstance(found, str):
            start = starts[int(found.split()[1])]
            body.append(_instruction(_JUMP, length + start - 2 * (index + 1)))
        else:
            body.append(_instruction(_ANSWER, found))
    return b"".join([*head, *body, *(instruction for block in blocks for instruction in block)])


def _block(rules: tuple[Rule, ...], own: int, others: list[int]) -> list[bytes]:
    """The instructions that decide by the arguments of a call."""
    tests: list[tuple[int, Test | None]] = []  # the first is what to load, where there is no test
    ends: list[int] = []
    for rule in rules:
        low = _ARGUMENTS + 8 * rule.argument
        tests.append((low, None))
        tests += [(0, test) for test in _tests(rule, own, others)]
        if rule.kind == "null":
            tests.append((low + 4, None))
            tests.append((0, (_EQUAL, 0, "next", "refuse")))
        ends += [len(tests)] * (len(tests) - len(ends))
    refuse = len(tests) + 1
    made = []
    for place, (load, test) in enumerate(tests):
        if test is None:
            made.append(_instruction(_LOAD, load))
            continue
        code, value, if_true, if_false = test
        targets = {"next": place + 1, "pass": ends[place], "refuse": refuse}
        made.append(_instruction(code, value, targets[if_true] - place - 1, targets[if_false] - place - 1))
    return [*made, _instruction(_ANSWER, ALLOW), _instruction(_ANSWER, REFUSE)]


def _tests(rule: Rule, own: int, others: list[int]) -> list[Test]:
    match rule.kind:
        case "among":
            *first, last = rule.values
            return [*((_EQUAL, value, "pass", "next") for value in first), (_EQUAL, last, "next", "refuse")]
        case "without":
            return [(_ANY_BIT, bits, "refuse", "next") for bits in rule.values]
        case "null":
            return [(_EQUAL, 0, "next", "refuse")]
    unsigned = [other & 0xFFFFFFFF for each in others for other in (each, -each)]
    tests: list[Test] = [(_EQUAL, other, "refuse", "next") for other in unsigned]
    if rule.kind == "own":
        # Below zero is a group, and -1 everyone that may be signalled.
        tests += [(_EQUAL, 0, "pass", "next"), (_AT_LEAST, 2**32 - own + 1, "refuse", "next")]
        tests += [(_AT_LEAST, own, "next", "refuse")]
    else:
        tests += [(_AT_LEAST, 2**31, "refuse", "next"), (_AT_LEAST, own, "next", "refuse")]
    return tests


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
