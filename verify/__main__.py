"""`make verify ENV=dev`: says what it costs, runs tests and probes against a deployed stack, writes docs/verified.

    python -m verify --env dev [--yes] [--only probes | tests] [--probe ID ...]

Region and credentials are the AWS CLI's. They need the rights of somebody who deploys the stack: the probes make roles,
functions, state machines, a table and a stack of their own, named `<prefix>-verify-...`, and remove them again.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from assistant_engine.domain import models
from assistants.stack import StackNotFound, outputs
from verify import costs, suite
from verify.account import Account
from verify.leftovers import remove_leftovers
from verify.probe import Probe, Result, Verdict, run
from verify.probes import PROBES
from verify.report import Run, page

ROOT = Path(__file__).resolve().parent.parent
VERIFIED = ROOT / "docs" / "verified"
COLOURS = {Verdict.AS_DOCUMENTED: "green", Verdict.DIFFERENT: "bold red", Verdict.UNTRIED: "yellow"}


def main(given: list[str] | None = None, *, client: Callable[..., Any] = boto3.client) -> int:
    """Do what the command line says; the exit status: 1 if a test failed or a probe found a difference.

    Args:
        client: makes boto3 clients.
    """
    parser = argparse.ArgumentParser(prog="make verify", description="Tries a deployed stack in its AWS account.")
    parser.add_argument("--env", required=True, help="the environment: dev, staging, prod")
    parser.add_argument("--yes", action="store_true", help="don't ask before it costs something")
    parser.add_argument("--only", choices=("probes", "tests"), help="run these alone")
    parser.add_argument("--probe", action="append", metavar="ID", help="run this probe alone; may be said again")
    arguments = parser.parse_args(given)
    console = Console(highlight=False)
    chosen = [probe for probe in PROBES if not arguments.probe or probe.id in arguments.probe]
    if arguments.probe and len(chosen) < len(set(arguments.probe)):
        parser.error(f"the probes are {', '.join(probe.id for probe in PROBES)}")
    tests = arguments.only != "probes" and not arguments.probe
    try:
        account = Account(client, outputs(arguments.env))
    except StackNotFound as error:
        sys.exit(str(error))
    model = _model(account)
    parts = costs.parts(model, _prices(), tests=tests)
    _show_costs(console, account, parts)
    if not arguments.yes and not console.input("Go on? [y/N] ").lower().startswith("y"):
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that what was made is removed.
    summary = suite.run(arguments.env) if tests else None
    left = remove_leftovers(account)
    results: list[Result] = []
    try:
        if arguments.only != "tests":
            _probe_all(console, account, chosen, results)
    finally:
        left += account.clean_up()
        told = Run(
            day=date.today(),
            environment=arguments.env,
            account=account.id,
            region=account.region,
            commit=_commit(),
            model=model,
            parts=parts,
            tests=summary,
            results=results,
            left=left,
        )
        written = write(VERIFIED, page(told), told.day)
        console.print(f"Written: {written.relative_to(ROOT)}")
        for one in left:
            console.print(f"[red]Not removed:[/] {one}")
    failed = bool(summary and (summary.failed or summary.problem))
    return int(failed or any(result.verdict is Verdict.DIFFERENT for result in results))


def _probe_all(console: Console, account: Account, probes: Sequence[Probe], results: list[Result]) -> None:
    for number, probe in enumerate(probes, 1):
        with console.status(f"{number} of {len(probes)}: {probe.id}. {probe.does}"):
            result = run(probe, account)
        results.append(result)
        colour = COLOURS[result.verdict]
        console.print(f"[{colour}]{result.verdict}[/] {probe.id} [dim]{result.seconds:.1f} s[/]", end=" ")
        console.print(result.observed, markup=False)


def _show_costs(console: Console, account: Account, parts: list[costs.Part]) -> None:
    table = Table("part", "count", "US dollars")
    for part in parts:
        table.add_row(part.name, f"{part.count:,g}", f"{part.dollars:.4f}")
    console.print(table)
    total = costs.total(parts)
    amount = "less than a dollar" if total < costs.MAX_DOLLARS else "MORE than a dollar, for this model is dear"
    console.print(f"The stack {account.prefix} in {account.region}: at most about {total:.2f} US dollars, {amount}.")


def _model(account: Account) -> str:
    """The model that the stack names first."""
    described = account.client("lambda").get_function_configuration(FunctionName=account.name("in_progress"))
    return str(described["Environment"]["Variables"].get("MODEL", "unknown"))


def _prices() -> dict[str, tuple[float, float]]:
    """US dollars for a million tokens, in and out, by model."""
    return {name: (float(one.prices[0].input), float(one.prices[0].output)) for name, one in models.table().items()}


def _commit() -> str:
    """The commit of the working tree, and whether something in it is changed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


def write(folder: Path, text: str, day: date) -> Path:
    """Write a page, beside those of the same day; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [day.isoformat(), *(f"{day.isoformat()}-{number}" for number in range(2, 100))]
    path = next(path for name in names if not (path := folder / f"{name}.md").exists())
    path.write_text(text)
    return path


if __name__ == "__main__":
    sys.exit(main())
