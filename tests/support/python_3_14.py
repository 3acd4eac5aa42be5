"""Runs programs on CPython 3.14, the Python of Lambda, on machines that don't have it: as WebAssembly.

It has the standard library, no other packages, and neither processes, threads nor sockets.
"""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from layers.byte_code import on_webassembly


def run_on_3_14(script: str, mounts: Mapping[str, Path] | None = None, arguments: Sequence[str] = ()) -> str:
    """Run a script on CPython 3.14; return what it printed.

    Args:
        mounts: folders of this machine by the path at which the script sees them, and may change them.
        arguments: `sys.argv[1:]`.

    Raises:
        AssertionError: the script raised an exception; the message is its traceback.
    """
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "script.py"
        program.write_text(script)
        command = on_webassembly(program, mounts or {}, arguments)
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
