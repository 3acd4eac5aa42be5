"""`make demo`: brings the local stack up and shows a sample assistant on it."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

from assistants.progress import Progress
from assistants.terminal import Terminal
from local.paths import ROOT
from local.up import in_one_line, shown, up

SAMPLES = ROOT / "samples"

console = Terminal(highlight=False, soft_wrap=True)


def main() -> None:
    """Run a sample and exit with 1 unless all of its runs completed."""
    names = sorted(path.parent.name for path in SAMPLES.glob("*/sample.json"))
    parser = argparse.ArgumentParser(description="Runs a sample assistant on the local stack.")
    parser.add_argument("sample", nargs="?", default="personal_finance", choices=names)
    name = parser.parse_args().sample
    with in_one_line(), ThreadPoolExecutor(1) as pool:
        # The client is imported for a second, while other processes start.
        imported = pool.submit(import_module, "local.demo_sample")
        local = up(step=shown, ahead=True)
        demo_sample = imported.result()
    if local.offline:
        console.print(
            "Words and code come from the [bold]offline model[/], a script; every figure comes from what the code and"
            " the tools put out."
        )
    else:
        console.print(f"Answers come from the model [bold]{local.model or 'of the configuration'}[/].")
    ends = demo_sample.ask_all(local, name, Progress(console))
    if ends != ["completed"] * len(ends):
        sys.exit("\nNot every run completed: " + ", ".join(ends))
    others = ", ".join(other for other in names if other != name)
    console.print(
        "\nEvery run completed. Try next:\n"
        f"  make demo SAMPLE=...   another one: {others}\n"
        "  OPENAI_API_KEY=... make demo   the same with a real model\n"
        f"  set -a; . {Path('.local/env')}; set +a   then any client, at the stack that is still up, such as\n"
        f"  .venv/bin/python -m samples.{name}.ask   the same as a program of a few lines\n"
        "  make down   stops it"
    )


if __name__ == "__main__":
    main()
