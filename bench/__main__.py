"""Measures everything, or the parts that are named, and writes it down: `python -m bench [part ...]` (`make bench`).

The figures go to `results/figures.json`, with the machine and the versions; the tables and plots of
docs/performance.md are made from it. A part that is not measured keeps the figures that it had.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from bench import (
    cold_start,
    costs,
    extraction,
    file_search,
    large_files,
    latency,
    libraries,
    report,
    streaming,
    waiting,
)
from bench.stack import Stack, stack
from local.assembly import ASSEMBLIES
from local.up import shown

Json = dict[str, Any]

RESULTS = Path(__file__).parent / "results" / "figures.json"
PACKAGES = ("aws-cdk-lib", "boto3", "ministack", "openai", "pydantic")


def _cold_start(stack: Stack, step: Callable[[str], Any]) -> Json:
    newest = max(ASSEMBLIES.glob("[!.]*"), key=lambda path: path.stat().st_mtime)  # That of the stack that is up.
    (template,) = newest.glob("*.template.json")
    return cold_start.measure(template, step)


PARTS: dict[str, Callable[[Stack, Callable[[str], Any]], Any]] = {
    "costs": costs.measure,
    "waiting": waiting.measure,
    "overhead": latency.overhead,
    "growth": latency.growth,
    "at_once": latency.at_once,
    "cold_start": _cold_start,
    "file_search": file_search.measure,
    "large_files": large_files.measure,
    "extraction": extraction.measure,
    "libraries": libraries.measure,
    "streaming": streaming.measure,
}


def machine() -> Json:
    """Return what the figures were measured with."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [line.partition(": ")[2] for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }


def main() -> None:
    """Measure, save and report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what the stack costs and takes.")
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    names = parser.parse_args().parts or list(PARTS)
    if unknown := set(names) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    console = Console(highlight=False)
    console.print(f"{len(names)} parts; all of them take about fifteen minutes on an idle machine.")
    results: Json = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    with stack(shown) as deployed:
        for number, name in enumerate(names, start=1):
            console.rule(f"{number} of {len(names)}: {name}", align="left")
            results[name] = {"machine": machine(), "figures": PARTS[name](deployed, shown)}
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    report.write(results)
    console.print(f"Written: {RESULTS.relative_to(Path.cwd())}, {report.PAGE.relative_to(Path.cwd())} and its plots.")
    if broken := report.broken(results):
        sys.exit("\n".join(broken))


if __name__ == "__main__":
    main()
