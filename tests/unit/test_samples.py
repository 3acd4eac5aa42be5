"""The samples' data: of the size and shape that their questions need, and with one right answer to each."""

from collections import Counter
from decimal import Decimal

import pytest

from lambdas.tools.finance.finance import Finance
from local.paths import ROOT
from samples.failed_banks import facts as failed_banks
from samples.math_tutor import facts as math_tutor
from samples.personal_finance import facts as personal_finance
from samples.sales_assistant import facts as sales_assistant
from samples.sample import Sample
from samples.wind_farm import facts as wind_farm
from tests.support.project import described_tools

NAMES = sorted(path.parent.name for path in (ROOT / "samples").glob("*/sample.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_its_files_its_functions_and_its_users(name: str) -> None:
    sample = Sample(name)
    named = [*sample.files, *(file for question in sample.questions for file in question.get("attachments", []))]
    assert [file for file in named if not (sample.folder / file).is_file()] == []
    assert {sample.user_of(question) for question in sample.questions} == set(sample.users)
    deployed = described_tools(ROOT)
    for function in sample.functions:
        assert function["function_name"] in deployed[function["module_name"]]["functions"]


def test_there_are_five_samples_with_a_program_each() -> None:
    assert NAMES == ["failed_banks", "math_tutor", "personal_finance", "sales_assistant", "wind_farm"]
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
