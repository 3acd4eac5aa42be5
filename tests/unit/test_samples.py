"""The samples' data: of the size and shape that their questions need, and with one right answer to each."""

import email
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.web import fetch as fetching
from lambdas.tools.finance.finance import Finance, ask, invitation
from lambdas.tools.registers.registers import Registers
from local import audio_formats, recogniser
from local.paths import ROOT
from local.speech_process import known_sentences
from samples.failed_banks import facts as failed_banks
from samples.math_tutor import facts as math_tutor
from samples.personal_finance import facts as personal_finance
from samples.sales_assistant import facts as sales_assistant
from samples.sample import Sample
from samples.voice_concierge import facts as voice_concierge
from samples.wind_farm import facts as wind_farm
from tests.support.project import described_tools

NAMES = sorted(path.parent.name for path in (ROOT / "samples").glob("*/sample.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_its_files_its_functions_and_its_users(name: str) -> None:
    sample = Sample(name)
    named = [*sample.files, *(file for question in sample.questions for file in question.get("attachments", []))]
    named += [question["spoken"] for question in sample.questions if "spoken" in question]
    assert [file for file in named if not (sample.folder / file).is_file()] == []
    assert {sample.user_of(question) for question in sample.questions} == set(sample.users)
    deployed = described_tools(ROOT)
    for function in sample.functions:
        assert function["function_name"] in deployed[function["module_name"]]["functions"]


def test_there_are_six_samples_with_a_program_each() -> None:
    others = ["failed_banks", "math_tutor", "personal_finance", "sales_assistant", "wind_farm"]
    assert sorted([*others, "voice_concierge"]) == NAMES
    assert [name for name in NAMES if not (ROOT / "samples" / name / "ask.py").is_file()] == []


def test_a_run_is_told_the_user_the_level_and_the_time() -> None:
    sample = Sample("wind_farm")
    instructions = sample.instructions(sample.questions[0])
    assert instructions.startswith(sample.assistant["instructions"])
    assert "The user is Ada Park, account level premium. It is Monday 2 March 2026, 09:00." in instructions


def test_the_questions_of_the_math_tutor_have_whole_answers() -> None:
    line, equation, *_ = (question["text"] for question in Sample("math_tutor").questions)
    slope, intercept = math_tutor.line(line)
    assert [slope * x + intercept for x in (-3, 5)] == [7, 1]
    x = math_tutor.solution(equation)
    assert 7 * x - 12 == 3 * x + 20


def test_the_failed_banks_have_dirty_headers_and_dates() -> None:
    content = (ROOT / "samples" / "failed_banks" / "failed_banks.csv").read_bytes()
    assert 40_000 < len(content) < 50_000
    header, *_ = content.decode().splitlines()
    assert header == (
        "Bank Name\u00a0,City\u00a0,State\u00a0,Cert\u00a0,Acquiring Institution\u00a0,Closing Date\u00a0,Fund"
    )
    banks = failed_banks.banks()
    assert len(banks) == 570
    assert len({bank["Cert"] for bank in banks}) == 570


def test_one_bank_failed_last_and_one_state_had_the_most() -> None:
    banks = failed_banks.banks()
    last = failed_banks.last_to_fail()
    assert [bank for bank in banks if failed_banks.closed(bank) == failed_banks.closed(last)] == [last]
    # Neither the first row nor the greatest text is the answer: dates have to be read as dates.
    assert last != banks[0]
    assert last["Closing Date"] != max(bank["Closing Date"] for bank in banks)
    (_, most), (_, second), *_ = failed_banks.by_state()
    assert most > second


def test_turbines_at_a_limit_are_in_range_and_not_due() -> None:
    sample = Sample("wind_farm")
    instructions = sample.assistant["instructions"]
    turbines = wind_farm.turbines()
    assert len(turbines) == 21
    out, due = wind_farm.out_of_range(instructions), wind_farm.due(instructions, sample.now.date())
    assert turbines["WT-09"]["rotor_rpm"] == "18.0" and turbines["WT-13"]["voltage_v"] == "640"
    assert not {"WT-09", "WT-13"} & out.keys()
    assert out["WT-15"] == ["voltage_v", "rotor_rpm", "wind_speed_ms"]
    assert (due["WT-05"], "WT-12" in due) == (181, False)


def test_every_order_is_of_a_customer_a_product_and_a_seller() -> None:
    orders = sales_assistant.rows("orders")
    for table, key in (("customers", "customer_id"), ("inventory", "product_id"), ("sellers", "seller_id")):
        known = Counter(row[key] for row in sales_assistant.rows(table))
        assert max(known.values()) == 1
        assert {order[key] for order in orders} <= known.keys()


def test_the_best_seller_and_the_most_sold_product_need_a_join_and_are_one() -> None:
    (seller, most), (_, second), *_ = sales_assistant.worth_by("name")
    assert most > second
    names = {row["seller_id"]: row["name"] for row in sales_assistant.rows("sellers")}
    (by_orders, _), *_ = Counter(names[row["seller_id"]] for row in sales_assistant.rows("orders")).most_common()
    assert seller != by_orders
    (_, sold), (_, less), *_ = sales_assistant.quantity_by_product()
    assert sold > less
    assert sum(worth for _, worth in sales_assistant.worth_by("state")) == sum(
        worth for _, worth in sales_assistant.worth_by("name")
    )


def test_the_portfolio_has_gains_and_losses() -> None:
    shares = personal_finance.portfolio()
    assert len(shares) == 6
    assert {share.gain > 0 for share in shares} == {True, False}
    best = max(shares, key=lambda share: share.percent)
    assert best != max(shares, key=lambda share: share.gain)
    assert best.percent == Decimal("128.90") / Decimal("96.20") * 100 - 100


def test_countries_are_looked_up_in_a_table() -> None:
    news = personal_finance.countries_in_the_news()
    assert len(news) == 6
    finance = Finance({})
    assert finance.get_country_info(" norway")["capital"] == "Oslo"
    with pytest.raises(LookupError, match=r"no country 'Atlantis'; known are Argentina, .*Vietnam"):
        finance.get_country_info("Atlantis")


def test_an_invitation_is_what_calendars_read() -> None:
    start = datetime(2026, 3, 5, 10, tzinfo=UTC)
    title = "Überprüfung; " * 8
    text = invitation("uid", "a@example.com", "b@example.com", title, start, start + timedelta(minutes=45))
    lines = text.split("\r\n")
    assert max(len(line.encode()) for line in lines) <= 75
    calendar = email.message_from_bytes(b"Content-Type: text/calendar\r\n\r\n" + text.encode()).get_payload(decode=True)
    assert isinstance(calendar, bytes)
    unfolded = calendar.decode().replace("\r\n ", "")
    assert "SUMMARY:" + title.replace(";", "\\;") + "\r\n" in unfolded
    assert unfolded.startswith("BEGIN:VCALENDAR\r\n") and unfolded.endswith("END:VCALENDAR\r\n")


def test_prices_and_facts_come_from_the_api_that_the_deployment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "https://api.example/quote/BRK%2FB": {"data": [{"price/usd": 512.5}]},
        "https://api.example/name/New%20Zealand?full=true": [{"capital": ["Wellington"]}],
    }

    def answered(url: str, *, most_bytes: int, timeout: float) -> tuple[str, bytes]:
        return "application/json", json.dumps(answers[url]).encode()

    monkeypatch.setattr(fetching, "fetch", answered)
    monkeypatch.setenv("STOCK_PRICE_URL", "https://api.example/quote/{symbol}#/data/0/price~1usd")
    monkeypatch.setenv("COUNTRY_FACTS_URL", "https://api.example/name/{country}?full=true#/0")
    finance = Finance({})
    assert finance.get_stock_price("BRK/B") == {"symbol": "BRK/B", "price": 512.5, "currency": "USD"}
    assert finance.get_country_info("New Zealand ") == {"capital": ["Wellington"]}
    with pytest.raises(LookupError, match="nothing at /data/7"):
        ask("https://api.example/quote/{symbol}#/data/7", symbol="BRK/B")


def test_an_api_inside_the_network_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCK_PRICE_URL", "https://169.254.169.254/{symbol}")
    with pytest.raises(InvalidRequest, match="no public address"):
        Finance({}).get_stock_price("ACME")


def test_what_was_insured_changes_with_the_day() -> None:
    registers = Registers({})
    insured = [
        registers.get_deposit_insurance(date.fromisoformat(day))["insured"] for day in ("2008-10-02", "2008-10-03")
    ]
    assert insured == [100_000, 250_000]
    with pytest.raises(LookupError, match="no deposit was insured before 1934"):
        registers.get_deposit_insurance(date(1900, 1, 1))
    assert wind_farm.visits().keys() == wind_farm.turbines().keys()


def test_the_spoken_questions_say_what_is_written() -> None:
    sample = Sample("voice_concierge")
    for question in sample.questions:
        sound = audio_formats.read((sample.folder / question["spoken"]).read_bytes())
        assert recogniser.hear(sound, known_sentences()).text == question["text"]


def test_a_service_that_closes_after_midnight_is_open_in_the_evening() -> None:
    services = voice_concierge.services()
    assert services["the bar"]["closes"] < services["the bar"]["opens"]
    assert voice_concierge.open_at("22:00") == ["the bar", "the gym", "a sauna"]
    # Dinner ends at the very time that is asked for.
    assert services["dinner"]["closes"] == "22:00"
