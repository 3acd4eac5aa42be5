"""Reads the text out of a file: a program of its own, with limits of its own, that the ingestion starts for each file.

`python parsing.py <path> <suffix of its name> <bytes of memory> <seconds>` writes `{"text", "warnings"}`, or `{"error":
{"code", "message"}}` with the code `unsupported_file` or `invalid_file`. Whatever else happens to it, the file is
broken.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Parse the file that the command line names."""
    path, suffix, memory, seconds = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    from parsers.dispatch import text_of
    from parsers.reading import Unreadable

    answer: dict[str, Any]
    try:
        answer = text_of(Path(path), suffix)._asdict()
    except Unreadable as error:
        answer = {"error": {"code": error.code, "message": error.message}}
    except (MemoryError, RecursionError):
        answer = {"error": {"code": "invalid_file", "message": "Reading the file takes too much memory."}}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode())


if __name__ == "__main__":
    main()
