"""The five sample programs on the deployed stack. What they answer is held against their data (`facts.py`).

What is compared is what the code printed when it ran: the offline model's script knows no figure, and repeats these.
"""

import csv
import importlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openai import NotFoundError, OpenAI
from PIL import Image

from local.paths import ROOT
from local.up import Local
from samples.failed_banks import facts as failed_banks
from samples.math_tutor import facts as math_tutor
from samples.personal_finance import facts as personal_finance
from samples.sales_assistant import facts as sales_assistant
from samples.sample import Answer, Sample
from samples.wind_farm import facts as wind_farm

pytestmark = pytest.mark.offline_model

Play = Callable[[str], list[Answer]]


@pytest.fixture(scope="module")
def play(stack: Local, client: OpenAI) -> Play:
    """Play a sample, once for all tests; its answers in order."""

    @cache
    def answers(name: str) -> list[Answer]:
        program = importlib.import_module(f"samples.{name}.ask")
        played = list(program.play(client, stack.model))
        assert [answer.run.status for answer in played] == ["completed"] * len(Sample(name).questions)
        return played

    return answers


def code_calls(answer: Answer) -> list[Any]:
    return [call for turn in answer.turns for call in turn if call.type == "code_interpreter"]


def printed(answer: Answer) -> dict[str, Any]:
    """The JSON object that the last code of the run printed."""
    logs = "".join(output.logs for output in code_calls(answer)[-1].code_interpreter.outputs if output.type == "logs")
    objects = [line for line in logs.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(objects[-1])
    return found


def chart(answer: Answer) -> Image.Image:
    """The one chart of the answer."""
    [content] = [content for name, content in answer.files.items() if name.endswith(".png")]
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def function_calls(answer: Answer) -> list[list[tuple[str, Any]]]:
    """Names and arguments of the function calls of each turn that has any."""
    turns = [
        [(call.function.name, json.loads(call.function.arguments)) for call in turn if call.type == "function"]
        for turn in answer.turns
    ]
    return [turn for turn in turns if turn]


@pytest.mark.parametrize("name", ["math_tutor", "personal_finance", "failed_banks", "wind_farm", "sales_assistant"])
def test_every_run_knows_its_user_and_asks_a_follow_up_question(play: Play, name: str) -> None:
    sample = Sample(name)
    for question, answer in zip(sample.questions, play(name), strict=True):
        user = sample.user_of(question)
        assert f"The user is {user}, account level {sample.users[user]}. It is " in answer.run.instructions
        if "response_format" in question:
            assert json.loads(answer.text)["follow_up_question"].endswith("?")
        else:
            assert answer.text.startswith(f"{user}, ")
            assert answer.text.endswith("?")


@pytest.mark.parametrize(
    ("name", "nth"),
    [("math_tutor", 2), ("personal_finance", 3), ("failed_banks", 0), ("wind_farm", 1), ("sales_assistant", 3)],
)
def test_a_chart_is_a_png_with_content(play: Play, name: str, nth: int) -> None:
    image = chart(play(name)[nth])
    assert image.format == "PNG"
    assert image.width >= 400 and image.height >= 300
    # Ink on paper, in more shades than the edges of letters have: an empty figure is of one colour.
    assert image.convert("L").getextrema() != (255, 255)
    colours = image.convert("RGB").getcolors(maxcolors=image.width * image.height)
    assert colours is not None
    assert len(colours) > 100
    assert max(count for count, _ in colours) < 0.97 * image.width * image.height


def test_the_math_tutor_calculates(play: Play) -> None:
    questions = [question["text"] for question in Sample("math_tutor").questions]
    line, equation, *_ = play("math_tutor")
    slope, intercept = math_tutor.line(questions[0])
    assert (Fraction(printed(line)["slope"]), Fraction(printed(line)["intercept"])) == (slope, intercept)
    assert f"y = {slope} x + {intercept}" in line.text
    assert Fraction(printed(equation)["x"]) == math_tutor.solution(questions[1])
    assert f"x = {math_tutor.solution(questions[1])}." in equation.text


def test_the_math_tutor_offers_a_file_for_download(play: Play) -> None:
    *_, offered = play("math_tutor")
    customers = list(csv.DictReader(io.StringIO(offered.files["customers.csv"].decode())))
    assert len({row["name"] for row in customers}) == len(customers) == 10


def test_the_failed_banks_are_counted_by_state(play: Play) -> None:
    counted, _, most, *_ = play("failed_banks")
    by_state = failed_banks.by_state()
    assert printed(counted) == {"banks": len(failed_banks.banks()), "states": len(by_state)}
    assert printed(most) == {"state": by_state[0][0], "failures": by_state[0][1]}
    assert f"{by_state[0][0]}, with {by_state[0][1]} failures" in most.text


def test_the_last_bank_to_fail_is_found_by_date(play: Play) -> None:
    last = failed_banks.last_to_fail()
    answer = play("failed_banks")[1]
    closed = f"{failed_banks.closed(last).day} {failed_banks.closed(last):%B %Y}"
    assert (printed(answer)["name"], printed(answer)["closed"]) == (last["Bank Name"], closed)
    assert last["Bank Name"] in answer.text and closed in answer.text


def test_failures_between_two_years_are_counted(play: Play) -> None:
    answer = play("failed_banks")[3]
    by_year = failed_banks.by_year("FL", 2009, 2011)
    assert printed(answer) == {
        "failures": sum(by_year.values()),
        "by_year": {str(year): count for year, count in by_year.items()},
    }


def test_code_and_a_function_tell_what_was_insured(play: Play) -> None:
    answer = play("failed_banks")[4]
    days = [failed_banks.closed(bank) for bank in (failed_banks.first_to_fail(), failed_banks.last_to_fail())]
    assert printed(answer) == {"first": days[0].isoformat(), "last": days[1].isoformat()}
    assert function_calls(answer) == [[("get_deposit_insurance", {"day": day.isoformat()}) for day in days]]
    assert all(f"- {day.isoformat()}: {failed_banks.insured(day)} USD" in answer.text for day in days)


def test_code_and_a_function_tell_when_crews_come(play: Play) -> None:
    answer = play("wind_farm")[4]
    out = wind_farm.out_of_range(Sample("wind_farm").assistant["instructions"])
    assert function_calls(answer) == [[("get_service_visit", {"turbine_id": turbine}) for turbine in out]]
    for turbine in out:
        visit = wind_farm.visits()[turbine]
        assert f"- {turbine}: {visit['next_visit']}, {visit['crew']}" in answer.text


def test_the_status_of_two_turbines_is_told(play: Play) -> None:
    out = wind_farm.out_of_range(Sample("wind_farm").assistant["instructions"])
    answer = play("wind_farm")[0]
    told = printed(answer)
    assert {turbine: status["out_of_range"] for turbine, status in told.items()} == {
        turbine: out.get(turbine, []) for turbine in ("WT-04", "WT-17")
    }
    readings = wind_farm.turbines()["WT-17"]
    assert f"wind_speed_ms {readings['wind_speed_ms']}" in answer.text


def test_the_turbines_out_of_range_are_told_in_json_only(play: Play) -> None:
    answer = play("wind_farm")[2]
    out = wind_farm.out_of_range(Sample("wind_farm").assistant["instructions"])
    assert {turbine["turbine_id"]: turbine["readings"] for turbine in printed(answer)["turbines"]} == out
    assert json.loads(answer.text)["turbines"] == printed(answer)["turbines"]
    assert getattr(answer.run.response_format, "type", None) == "json_schema"


def test_maintenance_is_due_by_the_date_that_the_run_is_told(play: Play) -> None:
    sample, answer = Sample("wind_farm"), play("wind_farm")[3]
    due = wind_farm.due(sample.assistant["instructions"], sample.now.date())
    assert printed(answer) == {"today": "2 March 2026", "due": due}
    assert all(f"- {turbine}: {days} days ago" in answer.text for turbine, days in due.items())


def test_the_sales_are_joined_over_four_files(play: Play) -> None:
    customers, seller, product, by_state = play("sales_assistant")
    assert {name.rpartition(" (")[0] for name in printed(customers)["customers"]} == sales_assistant.customers("VT")
    best, worth = sales_assistant.worth_by("name")[0]
    assert (printed(seller)["seller"], printed(seller)["worth"]) == (best, f"{worth:.2f}")
    assert best in seller.text and f"{worth:.2f}" in seller.text
    most = sales_assistant.quantity_by_product()[0]
    assert (printed(product)["product"], printed(product)["quantity"]) == most
    assert printed(by_state) == {state: f"{worth:.2f}" for state, worth in sales_assistant.worth_by("state")}


def test_two_users_at_once_have_threads_of_their_own(play: Play) -> None:
    ada, ben, ada_again, ben_again = play("sales_assistant")
    assert ada.run.thread_id == ada_again.run.thread_id != ben.run.thread_id == ben_again.run.thread_id
    assert len({answer.run.assistant_id for answer in play("sales_assistant")}) == 1


def test_the_portfolio_is_read_and_valued_at_the_latest_prices(play: Play) -> None:
    owned, worth, extremes, gains, *_ = play("personal_finance")
    shares = personal_finance.portfolio()
    assert {(row["symbol"], row["quantity"]) for row in printed(owned)["holdings"]} == {
        (share.symbol, share.quantity) for share in shares
    }
    total = f"{sum(share.worth for share in shares):.2f}"
    assert printed(worth)["worth"] == total
    assert printed(worth)["each"] == {share.symbol: f"{share.worth:.2f}" for share in shares}
    assert total in worth.text
    worst, *_, best = sorted(shares, key=lambda share: share.percent)
    assert printed(extremes) == {
        "best": best.symbol,
        "best_percent": f"{best.percent:.1f}",
        "worst": worst.symbol,
        "worst_percent": f"{worst.percent:.1f}",
    }
    assert printed(gains) == {share.symbol: f"{share.gain:+.2f}" for share in shares}


def test_six_prices_are_asked_for_in_one_turn(play: Play) -> None:
    wanted = [("get_stock_price", {"symbol": share.symbol}) for share in personal_finance.portfolio()]
    assert len(wanted) == 6
    for answer in play("personal_finance")[1:5]:
        assert function_calls(answer)[0] == wanted


def test_one_mail_with_the_latest_prices_is_sent(play: Play, stack: Local) -> None:
    answer = play("personal_finance")[4]
    s3, bucket = stack.client("s3"), stack.settings["BUCKET"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="outbox/")
    [key] = [mail["Key"] for page in pages for mail in page.get("Contents", []) if answer.run.id in mail["Key"]]
    mail = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert (mail["from"], mail["to"]) == ("finance@example.com", "ada@example.com")
    prices = dict(line.removesuffix(" USD").split(": ") for line in mail["content"].splitlines()[1:])
    assert {symbol: float(price) for symbol, price in prices.items()} == {
        share.symbol: float(share.price) for share in personal_finance.portfolio()
    }


def test_each_country_of_the_attached_article_is_looked_up_in_one_turn(play: Play) -> None:
    answer = play("personal_finance")[5]
    countries = personal_finance.countries_in_the_news()
    [asked] = function_calls(answer)
    assert {name for name, _ in asked} == {"get_country_info"}
    assert {arguments["country"] for _, arguments in asked} == set(countries)
    for country in countries.values():
        assert all(f"{name}: {fact}" in answer.text for name, fact in country.items())
    assert printed(answer)["title"] in answer.text


def test_a_recommendation_is_declined(play: Play) -> None:
    answer = play("personal_finance")[6]
    assert answer.turns == []
    assert "can't recommend" in answer.text


def test_one_invitation_is_sent_for_a_calendar(play: Play, stack: Local) -> None:
    answer = play("personal_finance")[7]
    s3, bucket = stack.client("s3"), stack.settings["BUCKET"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="outbox/")
    [key] = [mail["Key"] for page in pages for mail in page.get("Contents", []) if answer.run.id in mail["Key"]]
    kept = s3.get_object(Bucket=bucket, Key=key)
    assert key.endswith(".ics") and kept["ContentType"] == "text/calendar; method=REQUEST; charset=utf-8"
    lines = kept["Body"].read().decode().split("\r\n")
    assert {"METHOD:REQUEST", "SUMMARY:Portfolio review", "ORGANIZER:mailto:finance@example.com"} <= set(lines)
    assert {"DTSTART:20260305T100000Z", "DTEND:20260305T104500Z"} <= set(lines)


def test_a_program_runs_from_the_command_line(stack: Local, api_key: str, tmp_path: Path) -> None:
    access = {"ASSISTANTS_BASE_URL": stack.settings["ASSISTANTS_BASE_URL"], "ASSISTANTS_API_KEY": api_key}
    program = subprocess.run(
        [sys.executable, "-m", "samples.math_tutor.ask"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), **access},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (program.returncode, program.stderr) == (0, "")
    chart, customers = re.findall(r"\(saved as (.+)\)", program.stdout)
    assert (tmp_path / chart).read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / customers).read_text().splitlines()) == 11


def test_nothing_of_a_sample_is_left(play: Play, client: OpenAI) -> None:
    answer = play("math_tutor")[3]
    with pytest.raises(NotFoundError):
        client.beta.threads.retrieve(answer.run.thread_id)
    with pytest.raises(NotFoundError):
        client.beta.assistants.retrieve(answer.run.assistant_id)
