"""Writes the table of system calls into docs/code-interpreter.md, between two marks."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "code-interpreter.md"
BEGIN, END = "<!-- system calls -->\n", "<!-- end of system calls -->\n"

sys.path.append(str(ROOT / "lambdas" / "tools" / "code_interpreter" / "sandbox"))

from interpreter.system_calls import ABSENT, GROUPS, RULES  # noqa: E402


def table() -> str:
    """Return the table as Markdown."""
    lines = ["| group | why | calls |", "|---|---|---|"]
    for group in GROUPS:
        calls = ", ".join(f"`{name}`{'*' if name in RULES else ''}" for name in sorted(group.calls))
        lines.append(f"| {group.name} | {group.reason} | {calls} |")
    lines += ["", "| call* | is allowed for |", "|---|---|"]
    for name, rules in sorted(RULES.items()):
        lines.append(f"| `{name}` | {'; '.join(dict.fromkeys(rule.reason for rule in rules))} |")
    gone = ", ".join(f"`{name}`" for name in ABSENT)
    lines += [
        "",
        f"{gone} is answered as by a kernel without it, so that programs use `clone`, whose flags can be looked at.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write it."""
    text = PAGE.read_text()
    PAGE.write_text(re.sub(f"(?s){BEGIN}.*{END}", lambda _: BEGIN + table() + END, text))


if __name__ == "__main__":
    main()
