"""Writes what was found as a page: docs/verified/<date>.md."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from verify.costs import Part, total
from verify.probe import Result
from verify.suite import Summary


@dataclass(frozen=True, slots=True)
class Run:
    """The run that the page reports.

    Attributes:
        account: the account's id, of which the page shows the last two digits.
        commit: of the working tree that the probes and, as far as this command can tell, the stack are of.
        left: what could not be removed again.
    """

    day: date
    environment: str
    account: str
    region: str
    commit: str
    model: str
    parts: Sequence[Part]
    tests: Summary | None
    results: Sequence[Result]
    left: Sequence[str]


def page(run: Run) -> str:
    """The page, in Markdown."""
    counts = Counter(result.verdict.value for result in run.results)
    found = ", ".join(f"{number} {verdict}" for verdict, number in counts.items()) or "no probe"
    lines = [
        f"# Verified on {run.day.isoformat()}",
        "",
        f"By `make verify ENV={run.environment}`: {found}.",
        "",
        "| | |",
        "|---|---|",
        f"| account | {'*' * 10}{run.account[-2:]} |",
        f"| region | {run.region} |",
        f"| commit | {run.commit} |",
        f"| model | {run.model} |",
        f"| costs, estimated high | {total(list(run.parts)):.2f} US dollars |",
        "",
        "## Probes",
        "",
        "Each settles the line of [unproven.md](../unproven.md) that has its id.",
        "",
        "| id | did | expected | observed | verdict | s |",
        "|---|---|---|---|---|---|",
    ]
    for result in run.results:
        probe = result.probe
        cells = [probe.id, probe.does, probe.expected, result.observed, result.verdict, f"{result.seconds:.1f}"]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    lines += ["", "## Tests", "", *_tests(run.tests)]
    lines += ["", "## Costs", "", "| part | count | US dollars |", "|---|---|---|"]
    lines += [f"| {part.name} | {part.count:,g} | {part.dollars:.4f} |" for part in run.parts]
    lines += ["", "## Left behind", "", *([f"- {one}" for one in run.left] or ["Nothing."])]
    return "\n".join(lines) + "\n"


def _tests(summary: Summary | None) -> list[str]:
    if summary is None:
        return ["Not run."]
    if summary.problem:
        return [summary.problem]
    lines = ["| folder | passed | failed | skipped |", "|---|---|---|---|"]
    for folder, counts in summary.counts.items():
        lines.append(f"| {folder} | {counts['passed']} | {counts['failed']} | {counts['skipped']} |")
    lines += ["", "Skipped are those that need the scripted model, something of the local stack alone, or no stack."]
    return lines + [f"- FAILED {name}: {_cell(why)}" for name, why in summary.failed]


def _cell(text: str) -> str:
    """The text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
