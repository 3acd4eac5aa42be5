"""`make verify`: what it says it costs, what it writes, what it runs, and the list of what is unproven."""

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from local import up as local
from local.paths import ROOT
from verify import __main__ as command
from verify import costs, suite
from verify.account import Account
from verify.probe import Probe, Result, Seen, Verdict
from verify.probes import PROBES, observability
from verify.report import Run, page

UNPROVEN = (ROOT / "docs" / "unproven.md").read_text()
LINE = r"^- (`[a-z0-9-]+`(?:, `[a-z0-9-]+`)*): (.+?) \[([^\]]+)\]$"
WAYS = ("probe", "by hand", "needs ")
PRICES = command._prices()


def lines() -> dict[str, str]:
    """Return how each line of the list is settled, by its id."""
    found = re.findall(LINE, UNPROVEN, flags=re.DOTALL | re.MULTILINE)
    assert len(found) == UNPROVEN.count("\n- ")
    ids = [(id.strip("`"), settled) for ids, _, settled in found for id in ids.split(", ")]
    assert len(ids) == len(dict(ids))
    return dict(ids)


def test_each_line_of_the_list_has_its_probe_or_says_why_not() -> None:
    settled = lines()
    assert [id for id, how in settled.items() if not how.startswith(WAYS)] == []
    assert sorted(id for id, how in settled.items() if how == "probe") == sorted(probe.id for probe in PROBES)


def test_each_probe_says_what_it_does_and_expects() -> None:
    assert len({probe.id for probe in PROBES}) == len(PROBES)
    for probe in PROBES:
        assert probe.does.endswith(".") and probe.expected.endswith((".", ")")), probe.id


@pytest.mark.parametrize("model", [*PRICES, "a model without a price"])
def test_it_costs_less_than_a_dollar(model: str) -> None:
    paid = costs.parts(model, PRICES)
    assert costs.total(costs.parts(model, PRICES, tests=False)) < costs.total(paid) < costs.MAX_DOLLARS


def test_a_dear_model_is_said_to_be_dear() -> None:
    assert costs.total(costs.parts("dear", {"dear": (15.0, 75.0)})) > costs.MAX_DOLLARS


def test_every_query_of_the_operations_page_is_tried() -> None:
    queries = observability.queries(observability.OPERATIONS.read_text())
    assert len(queries) >= 5
    assert any("stats" in query for query in queries)
    assert not any("\\|" in query or "`" in query for query in queries)


def result(id: str, verdict: Verdict, observed: str) -> Result:
    return Result(Probe(id, "Does | it.", "As documented.", lambda account: Seen("", True)), verdict, observed, 1.23)


def test_the_page_masks_the_account_and_tells_everything() -> None:
    results = [result("a", Verdict.AS_DOCUMENTED, "seen"), result("b", Verdict.DIFFERENT, "other\nthan | that")]
    summary = suite.Summary({"tests/e2e": Counter(passed=3, failed=1)}, [("tests/e2e: test_x", "wrong | so")])
    told = Run(
        day=date(2026, 11, 27),
        environment="dev",
        account="123456789012",
        region="eu-central-1",
        commit="abc",
        model="m",
        parts=costs.parts("m", {}),
        tests=summary,
        results=results,
        left=["role x: AccessDenied"],
    )
    text = page(told)
    assert "123456789012" not in text and "| account | **********12 |" in text
    assert "| b | Does \\| it. | As documented. | other than \\| that | DIFFERENT | 1.2 |" in text
    assert "| tests/e2e | 3 | 1 | 0 |" in text and "- FAILED tests/e2e: test_x: wrong \\| so" in text
    assert "1 as documented, 1 DIFFERENT" in text and "eu-central-1" in text and "- role x: AccessDenied" in text
    assert f"{costs.total(costs.parts('m', {})):.2f} US dollars" in text


def test_a_second_page_of_a_day_is_beside_the_first(tmp_path: Path) -> None:
    paths = [command.write(tmp_path / "verified", "text", date(2026, 11, 27)).name for _ in range(3)]
    assert paths == ["2026-11-27.md", "2026-11-27-2.md", "2026-11-27-3.md"]


def test_the_tests_are_summed_up_by_folder() -> None:
    summary = suite.summarised(
        '<testsuites><testsuite><testcase classname="tests.e2e.test_a" name="one"/>'
        '<testcase classname="tests.e2e.test_a" name="two"><failure message="no&#10;more">x</failure></testcase>'
        '<testcase classname="tests.faults.test_b" name="three"><skipped message="s"/></testcase>'
        '<testcase classname="tests.faults.test_b" name="four"><error message=""/></testcase>'
        "</testsuite></testsuites>"
    )
    assert summary.counts == {"tests/e2e": {"passed": 1, "failed": 1}, "tests/faults": {"skipped": 1, "failed": 1}}
    assert summary.failed == [("tests/e2e: two", "no"), ("tests/faults: four", "")]


@pytest.fixture
def as_an_account(stack: local.Local, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The session's stack as one of the account whose credentials the environment holds; where pages are written."""
    for name, value in stack.settings.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "VERIFIED", tmp_path)
    return tmp_path


def test_it_says_first_what_it_costs_and_asks(
    as_an_account: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unasked(account: Account) -> Seen:
        raise AssertionError("ran without leave")

    monkeypatch.setattr(command, "PROBES", [Probe("p", "", "", unasked)])
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    assert command.main(["--env", "dev"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "less than a dollar" in said and "tokens in" in said
    assert list(as_an_account.iterdir()) == []


def test_a_run_writes_its_page_and_fails_for_a_difference(
    as_an_account: Path, capsys: pytest.CaptureFixture[str], stack: local.Local
) -> None:
    arguments = ["--env", "dev", "--yes", "--probe", "deletion-protection", "--probe", "s3-vectors"]
    assert command.main(arguments) == 0
    name = stack.outputs["ThreadsTable"]
    stack.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=True)
    assert command.main(arguments) == 1
    stack.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=False)
    one, another = (path.read_text() for path in sorted(as_an_account.iterdir(), reverse=True))
    assert "1 as documented, 1 could not be tried" in one.replace("1 could not be tried, 1 as", "1 as")
    assert "DIFFERENT" in another
    assert "000000000000" not in one + another
    assert "DIFFERENT deletion-protection" in capsys.readouterr().out


def test_the_projects_own_tests_run_against_an_account(
    as_an_account: Path, monkeypatch: pytest.MonkeyPatch, stack: local.Local
) -> None:
    monkeypatch.setenv("ASSISTANTS_BASE_URL", stack.settings["ASSISTANTS_BASE_URL"])
    monkeypatch.setattr(suite, "FOLDERS", ("tests/contract/test_description.py", "tests/faults/test_events.py"))
    summary = suite.run("dev")
    assert summary.problem == "" and summary.failed == []
    assert summary.counts["tests/contract"]["passed"] >= 2
    assert set(summary.counts["tests/faults"]) == {"skipped"}
