"""The models: those that are configured and those that the table knows, with the days on which they end."""

from datetime import date

import openai
import pytest

from tests.support.clients import StrictOpenAI


def test_models_are_listed_with_the_days_on_which_they_end(client: StrictOpenAI) -> None:
    listed = client.models.list().data
    ends = {each.id: each.shutdown_date for each in listed}
    assert len(ends) == len(listed)
    assert ends["gpt-4.1-mini"] == "2027-01-14"
    assert ends["gpt-6-luna"] is None
    for day in filter(None, ends.values()):
        date.fromisoformat(day)


@pytest.mark.parametrize(("name", "ends"), [("gpt-4.1-mini", "2027-01-14"), ("gpt-6-luna", None)])
def test_a_model_is_retrieved_with_the_day_on_which_it_ends(client: StrictOpenAI, name: str, ends: str | None) -> None:
    model = client.models.retrieve(name)
    assert (model.id, model.shutdown_date) == (name, ends)
    assert "shutdown_date" in model.model_fields_set


def test_a_model_that_nobody_knows_is_missing(client: StrictOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("gpt-none")
    assert missing.value.code == "model_not_found"
