"""The filter of system calls, call by call: as the kernel would run it on both architectures, and in this machine's."""

import errno
import json
import platform
import struct
from pathlib import Path

import pytest

from interpreter import filter as system_call_filter
from interpreter.system_calls import ABSENT, ARCHITECTURES, GROUPS, MAX_NUMBER, RULES, numbers
from scripts.system_calls import PAGE, table
from tests.support.sandboxes import sandboxed

OWN, RUNTIME = 1000, 900
ALLOWED, REFUSED, NOT_THERE = system_call_filter.ALLOW, system_call_filter.REFUSE, system_call_filter.NOT_THERE
MACHINES = sorted(ARCHITECTURES)
UNSIGNED = 2**32


def answer(program: bytes, machine: str, number: int, *arguments: int) -> int:
    """Return what a classic BPF program says of a call, run as linux/bpf_common.h says."""
    padded = [argument % 2**64 for argument in (*arguments, *[0] * 6)][:6]
    data = struct.pack("<IIQ6Q", number, ARCHITECTURES[machine][1], 0, *padded)
    place = loaded = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("HBBI", program, 8 * place)
        place += 1
        match code:
            case 0x20:
                (loaded,) = struct.unpack_from("<I", data, value)
            case 0x06:
                return int(value)
            case 0x05:
                place += value
            case 0x15 | 0x25 | 0x35 | 0x45:
                holds = {0x15: loaded == value, 0x25: loaded > value, 0x35: loaded >= value, 0x45: loaded & value}[code]
                place += if_true if holds else if_false
            case _:
                raise AssertionError(hex(code))


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def program(machine: str) -> bytes:
    # The runtime's second thread came after the process ids had begun anew.
    return system_call_filter.program(machine, OWN, [RUNTIME, 1500])


def test_only_listed_calls_reach_the_kernel(machine: str, program: bytes) -> None:
    listed = set(numbers(machine).values()) - {numbers(machine)[name] for name in RULES}
    absent = {pair[ARCHITECTURES[machine][0]] for pair in ABSENT.values()}
    for number in [*range(MAX_NUMBER + 100), 0x3FFFFFFF, 0x40000000, 0x40000000 + 59, UNSIGNED - 1]:
        found = answer(program, machine, number, *[OWN] * 6)
        if number in listed:
            assert found == ALLOWED, number
        elif number not in numbers(machine).values():
            newer = MAX_NUMBER < number < 0x40000000
            assert found == (NOT_THERE if number in absent or newer else REFUSED), number


def test_a_program_of_another_architecture_is_killed(machine: str, program: bytes) -> None:
    other = next(each for each in MACHINES if each != machine)
    assert answer(program, other, 0) == system_call_filter.KILL


def test_every_number_is_listed_once(machine: str) -> None:
    which, _ = ARCHITECTURES[machine]
    known = [pair[which] for group in GROUPS for pair in group.calls.values() if pair[which] is not None]
    assert len(set(known)) == len(known)


ALLOWED_ARGUMENTS: list[tuple[str, tuple[int, ...]]] = [
    ("kill", (0, 9)),
    ("kill", (OWN, 9)),
    ("kill", (OWN + 7, 15)),
    ("kill", (-OWN, 15)),
    ("tgkill", (OWN, OWN + 1, 6)),
    ("sched_setaffinity", (0,)),
    ("sched_setaffinity", (OWN + 1,)),
    ("setpriority", (0, 0, 19)),
    ("prlimit64", (RUNTIME, 7, 0, 1)),
    ("socket", (1, 1)),
    ("socketpair", (1, 1)),
    ("clone", (0x11,)),  # fork
    ("clone", (0x3D0F00,)),  # a thread
    ("clone", (0x4111,)),  # vfork
    ("prctl", (15,)),
    ("fcntl", (3, 4)),
    ("fcntl", (3, 1030)),
    ("ioctl", (0, 0x5401)),
    ("ioctl", (0, 0x541B)),
]
REFUSED_ARGUMENTS: list[tuple[str, tuple[int, ...]]] = [
    *((name, (target, 9)) for name in ("kill", "rt_sigqueueinfo") for target in (RUNTIME, -1, 1, -RUNTIME, 1500)),
    ("kill", (-1500, 9)),
    ("kill", (2**32 + RUNTIME, 9)),  # the kernel takes the lower half
    ("tgkill", (RUNTIME, RUNTIME, 9)),
    ("tgkill", (OWN, 1500, 9)),
    ("tgkill", (-1, OWN, 9)),
    ("rt_tgsigqueueinfo", (RUNTIME, RUNTIME, 9)),
    *(("clone", (flag | 0x11,)) for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000)),
    *(("clone", (flag | 0x11,)) for flag in (0x40000000, 0x8000, 0x2000)),
    ("sched_setaffinity", (RUNTIME,)),
    ("setpriority", (0, RUNTIME, 19)),
    ("setpriority", (2, 0, 19)),
    ("prlimit64", (0, 7, 1)),
    ("prlimit64", (0, 7, 2**32)),
    *(("socket", (family, 1)) for family in (0, 2, 10, 16, 17, 40)),
    ("socketpair", (2, 1)),
    *(("prctl", (option,)) for option in (1, 4, 22, 36, 8, 35, 0x59616D61)),
    *(("fcntl", (3, command)) for command in (8, 10, 15, 1024, 1026, 1031)),
    *(("ioctl", (3, request)) for request in (0x8901, 0x8902, 0x5412, 0x5452)),
]


@pytest.mark.parametrize(("name", "arguments"), ALLOWED_ARGUMENTS)
def test_what_programs_need_is_allowed(machine: str, program: bytes, name: str, arguments: tuple[int, ...]) -> None:
    assert answer(program, machine, numbers(machine)[name], *arguments) == ALLOWED


@pytest.mark.parametrize(("name", "arguments"), REFUSED_ARGUMENTS)
def test_what_reaches_others_is_refused(machine: str, program: bytes, name: str, arguments: tuple[int, ...]) -> None:
    assert answer(program, machine, numbers(machine)[name], *arguments) == REFUSED


UNFILTERED = (335, 336) if platform.machine() == "x86_64" else ()
"""`uretprobe` and `uprobe`, which the kernel keeps from every filter and which end whoever calls them unasked."""

FUZZ = """
import ctypes, json, os, signal
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for number in range(LAST + 1):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(1)
        ctypes.set_errno(0)
        result = libc.syscall(number, *[-1] * 6)
        os.write(writer, b"%d;" % (ctypes.get_errno() if result == -1 else 0))
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    answers = os.read(reader, 100).split(b";")
    os.close(reader)
    found[number] = int(answers[0] or 0)
print(json.dumps(found))
"""


def test_a_fuzz_from_inside_finds_only_listed_calls(tmp_path: Path) -> None:
    """Each number of this machine's kernel, with arguments that mean nothing, in a process of its own."""
    [(output, reason, refused)] = sandboxed(tmp_path, FUZZ.replace("LAST", str(MAX_NUMBER + 30)), output_bytes=100_000)
    assert (reason, refused) == ("", [])
    # A process may say that its stack was overwritten, and the session that the library is not kept.
    answers = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    known = numbers(platform.machine())
    absent = {pair[ARCHITECTURES[platform.machine()][0]] for pair in ABSENT.values()}
    for name, error in answers.items():
        number = int(name)
        if number not in known.values() and number not in UNFILTERED:
            not_there = number in absent or number > MAX_NUMBER
            assert error == (errno.ENOSYS if not_there else errno.EPERM), number
    answered = [name for name, number in known.items() if answers[str(number)] != errno.EPERM]
    assert set(known) - set(answered) <= set(RULES) | {"chown", "lchown", "fchown"}


def test_the_documentation_shows_the_table() -> None:
    """`make docs` writes it."""
    assert table() in PAGE.read_text()
