"""The handler of a function that a probe makes: it does as it is told, the worst included. Standard library only."""

import importlib
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from typing import Any

LAYERS = "/opt/"
MAGIC_AND_FLAGS = 8
"""Bytes at the start of a file of byte code: the magic number, and the flags of which 1 is `unchecked-hash`."""


class Planned(Exception):
    """The exception that `raise` raises."""


def handler(event: dict[str, Any], context: Any) -> Any:
    """Do `event["do"]`, or take a batch of a stream."""
    if "Records" in event:
        event = {"do": "take", **event}
    return globals()[event["do"]](event)


def take(event: dict[str, Any]) -> None:
    """Log the keys of a batch's records; fail if the one named `poison` is among them."""
    keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
    print(json.dumps({"batch": keys}), flush=True)
    if "poison" in keys:
        raise Planned("a batch with poison")


def fail(event: dict[str, Any]) -> None:
    """Raise."""
    raise Planned("as told")


def leave(event: dict[str, Any]) -> None:
    """End the process."""
    os._exit(1)


def sleep(event: dict[str, Any]) -> None:
    """Take longer than the function may."""
    time.sleep(event["seconds"])


def fill(event: dict[str, Any]) -> dict[str, int]:
    """Use so many MB of memory."""
    kept = [b"x" * (1 << 20) for _ in range(event["megabytes"])]
    return {"megabytes": len(kept)}


def look(event: dict[str, Any]) -> dict[str, Any]:
    """Say what runs this."""
    return {"python": list(sys.version_info[:2]), "machine": platform.machine()}


def sdk(event: dict[str, Any]) -> dict[str, Any]:
    """Say which boto3 there is."""
    boto3 = importlib.import_module("boto3")
    return {"version": boto3.__version__, "vectors": "s3vectors" in boto3.Session().get_available_services()}


def load(event: dict[str, Any]) -> dict[str, Any]:
    """Import packages; say which failed, and which modules that came along have no byte code to be used."""
    failed = {}
    for name in event["packages"]:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed[name] = type(error).__name__
    loaded = compiled = 0
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        origin = getattr(spec, "origin", None) or ""
        if not origin.endswith(".py") or not origin.startswith(LAYERS):
            continue
        loaded += 1
        compiled += _is_compiled(getattr(spec, "cached", None))
    return {"failed": failed, "loaded": loaded, "compiled": compiled}


def _is_compiled(path: str | None) -> bool:
    try:
        with open(path or "", "rb") as file:
            start = file.read(MAGIC_AND_FLAGS)
    except OSError:
        return False
    return start == importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")


def child(event: dict[str, Any]) -> dict[str, int]:
    """Start Python as a child, with and without the variable that names its libraries; how each ended."""
    libraries = {"LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
    return {
        name: subprocess.run([sys.executable, "-S", "-c", ""], env=environment, capture_output=True).returncode
        for name, environment in (("with", libraries), ("without", {}))
    }
