"""Checks the process that watches an execution environment's runtime, without an emulator."""

import fcntl
import json
import os
import resource
import socket
import subprocess
import sys

import pytest

from local.paths import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the emulator's own workers run functions")


def test_a_supervisor_waits_on_descriptors_of_any_number() -> None:
    """The emulator has thousands of open files where hundreds of environments run at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4_096), hard))
    mine, theirs = socket.socketpair()
    high = fcntl.fcntl(theirs, fcntl.F_DUPFD, 2_000)
    program = """
import os, socket, sys
from local import environment_process
runtime = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {})
environment_process.supervise(socket.socket(fileno=int(sys.argv[1])), {"resident_bytes": 0}, runtime)
"""
    subprocess.run([sys.executable, "-c", program, str(high)], cwd=ROOT, pass_fds=[high], check=True, timeout=30)
    os.close(high)
    assert json.loads(mine.recv(1_000)) == {"status": 3}
    mine.close()
    theirs.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
