"""Checks a kernel that refuses to confine: operators learn it, the model does not, and an open network stays closed."""

import platform
from pathlib import Path

import pytest

from tests.support.sandboxes import sandboxed

REFUSING = """
import ctypes, errno, struct
numbers = {numbers}
def refuse(*_):
    test = [(0x20, 0, 0, 0)]
    for number in numbers:
        # prctl is refused for its option of seccomp only.
        skip = 3 if number in (157, 167) else 1
        test.append((0x15, 0, skip, number))
        if number in (157, 167):
            test += [(0x20, 0, 0, 16), (0x15, 0, 1, 22)]
        test.append((0x06, 0, 0, 0x00050000 | errno.EPERM))
        test.append((0x20, 0, 0, 0))
    test.append((0x06, 0, 0, 0x7FFF0000))
    program = b"".join(struct.pack("HBBI", *one) for one in test)
    libc = ctypes.CDLL(None)
    instructions = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(test), ctypes.addressof(instructions)))
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, header, 0, 0) == 0
refuse()
"""
"""A filter around the sandbox that refuses these system calls, as Lambda's own may do."""
PRCTL, SECCOMP = {"x86_64": (157, 317), "aarch64": (167, 277)}[platform.machine()]
WITHOUT_SCORE = """
import pathlib, tempfile
import template
original = template.environment
def environment():
    found = original()
    hook = pathlib.Path(tempfile.gettempdir(), "sitecustomize.py")
    hook.write_text('''
import builtins, io
opened = builtins.open
def refusing(path, *more, **named):
    if str(path).endswith("oom_score_adj"):
        raise PermissionError(13, "Permission denied", str(path))
    return opened(path, *more, **named)
builtins.open = io.open = refusing
''')
    return {**found, "PYTHONPATH": f"{hook.parent}:{found['PYTHONPATH']}"}
template.environment = environment
"""


def test_a_sandbox_that_may_not_filter_runs_behind_a_closed_network(tmp_path: Path) -> None:
    [(output, reason, refused)] = sandboxed(tmp_path, "print(1)", planted=REFUSING.format(numbers=(PRCTL, SECCOMP)))
    assert (output, reason) == ("1\n", "")
    assert refused == ["the filter of system calls: [Errno 1] Operation not permitted"]


def test_a_sandbox_that_may_not_filter_runs_nothing_before_an_open_network(tmp_path: Path) -> None:
    code = f"open('{tmp_path}/ran', 'w'); print(1)"
    [(output, reason, refused)] = sandboxed(
        tmp_path, code, network="open", planted=REFUSING.format(numbers=(PRCTL, SECCOMP))
    )
    assert (output, reason) == ("", "The code interpreter is not available.")
    assert len(refused) == 1
    assert not (tmp_path / "ran").exists()


def test_a_function_that_is_not_told_of_its_network_takes_it_for_open(tmp_path: Path) -> None:
    planted = f"import os; del os.environ['SANDBOX_NETWORK']\n{REFUSING.format(numbers=(PRCTL, SECCOMP))}"
    [(_, reason, _)] = sandboxed(tmp_path, "print(1)", planted=planted)
    assert reason == "The code interpreter is not available."


@pytest.mark.parametrize("refused_way", [PRCTL, SECCOMP])
def test_either_way_to_the_filter_will_do(tmp_path: Path, refused_way: int) -> None:
    code = "import socket\ntry:\n    socket.socket()\nexcept PermissionError:\n    print('refused')"
    [(output, reason, refused)] = sandboxed(
        tmp_path, code, network="open", planted=REFUSING.format(numbers=(refused_way,))
    )
    assert (output, reason, refused) == ("refused\n", "", [])


def test_a_kernel_that_keeps_its_oom_score_stops_no_code(tmp_path: Path) -> None:
    [(output, reason, refused)] = sandboxed(tmp_path, "print(1)", planted=WITHOUT_SCORE)
    assert (output, reason) == ("1\n", "")
    assert [part.split(":")[0] for part in refused] == ["being killed first"]


def test_a_kernel_that_refuses_nothing_leaves_nothing_to_say(tmp_path: Path) -> None:
    assert sandboxed(tmp_path, "print(1)", network="open") == [("1\n", "", [])]
