"""The programs in `examples/`, run as their README says, against the session's stack with the offline model.

The documents, the table and the orders are given other values first: what an answer states, a tool has said.
"""

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local import up as local
from local.paths import NODE, NODE_MODULES, ROOT

pytestmark = pytest.mark.offline_model

EXAMPLES = ROOT / "examples"
PROGRAMS = {".py": [sys.executable], ".ts": [str(NODE)], ".sh": ["sh"]}


def run(stack: local.Local, program: Path, folder: Path, said: str = "") -> str:
    """Run a program with the stack's address and key alone; return what it printed."""
    environment = {
        "PATH": os.environ["PATH"],
        "OPENAI_BASE_URL": stack.settings["ASSISTANTS_BASE_URL"],
        "OPENAI_API_KEY": stack.settings["ASSISTANTS_API_KEY"],
    }
    command = [*PROGRAMS[program.suffix], str(program)]
    ran = subprocess.run(command, cwd=folder, env=environment, input=said, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("name", ["first_answer.py", "first_answer.ts", "first_answer.sh"])
def test_the_first_answer(stack: local.Local, tmp_path: Path, name: str) -> None:
    printed = run(stack, EXAMPLES / name, tmp_path)
    assert re.search(r"^The run.*completed", printed, re.MULTILINE), printed
    assert re.search(r"\bx\b\D*\b1\b", printed), printed


@pytest.mark.parametrize("name", ["support_chat.py", "support_chat.ts"])
def test_a_support_chat_answers_with_what_its_tools_say(stack: local.Local, tmp_path: Path, name: str) -> None:
    program, days, price = tmp_path / "examples" / name, random.randint(100, 999), f"{random.randint(20, 99)}.30"
    shutil.copytree(EXAMPLES, program.parent)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    replace(program.parent / "support" / "returns.md", "within 14 days", f"within {days} days")
    replace(program.parent / "support" / "shipping.md", "14.90 EUR", f"{price} EUR")
    table = program.parent / "support" / "sales.csv"
    replace(table, "2026-10,Helmet,22,1298.00", f"2026-10,Helmet,{days},1298.00")
    units = sum(int(row.split(",")[2]) for row in table.read_text().splitlines()[1:])
    replace(program, "Northern Freight", f"Carrier {days}")

    questions = (
        "How many days do I have to return a helmet?",
        "What does express shipping cost?",
        "Where is order A-1002?",
        "What is the total of the units in sales.csv?",
        "Draw a bar chart of the revenue by month from sales.csv.",
    )
    printed = run(stack, program, tmp_path, "\n".join(questions))
    returned, shipped, order, total, chart = printed.split("> ")[1:]
    assert f"within {days} days" in returned
    assert "] returns.md\n" in returned
    assert f"{price} EUR" in shipped
    assert "] shipping.md\n" in shipped
    assert "  (get_order_status {" in order
    assert f"Carrier {days}" in order
    assert re.search(rf"\b{units}\b", total.replace(",", ""))
    [picture] = tmp_path.glob("*.png")
    assert f"[picture: {picture.name}]" in chart
    assert picture.read_bytes().startswith(b"\x89PNG")


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
