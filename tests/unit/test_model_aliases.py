"""Names of models that clients send are mapped to the models that answer, as the setting `model_aliases` says."""

from dataclasses import replace

import pytest

from assistant_engine.domain import accounting, models
from assistant_engine.domain.turn import Turn
from assistant_engine.domain.usage import Usage
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.run_item import item_of, run_of
from cdk.configuration import UnknownEnvironment, configuration_of
from tests.support.examples import RUN

ALIASES = "gpt-4o=llama3.2:3b, gpt-4*=gpt-6-luna ,*=llama3.2"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gpt-4o", "llama3.2:3b"),
        ("gpt-4o-mini", "gpt-6-luna"),
        ("gpt-4", "gpt-6-luna"),
        ("o9", "llama3.2"),
        ("llama3.2", "llama3.2"),
    ],
)
def test_the_first_pattern_that_fits_counts(name: str, model: str) -> None:
    assert models.answering(name, ALIASES) == model


def test_without_a_pattern_that_fits_a_name_is_the_models_own() -> None:
    assert models.answering("gpt-4o", "") == models.answering("gpt-4o", "gpt-4=x") == "gpt-4o"


@pytest.mark.parametrize("aliases", ["gpt-4o", "=x", "a=", "a=b=c", "a=b,c", "a b=c"])
def test_a_setting_that_is_no_list_of_aliases_is_refused(aliases: str) -> None:
    with pytest.raises(UnknownEnvironment, match="is no alias of a model"):
        configuration_of({"env": "dev", "model_aliases": aliases}.get)
    assert configuration_of({"env": "dev", "model_aliases": ALIASES}.get).model_aliases == ALIASES


def test_the_record_keeps_the_name_that_answers_and_the_price_is_its_own() -> None:
    run = replace(RUN, settings={"model": "gpt-4o"}, answering="gpt-6-luna")
    blobs = Blobs("no-bucket-is-needed")
    kept = run_of(item_of(run, blobs), blobs)
    assert (kept.model, kept.settings["model"]) == ("gpt-6-luna", "gpt-4o")
    assert kept.api([], ended=False)["model"] == "gpt-4o"
    used = Usage(prompt_tokens=1_000, completion_tokens=100)
    turn = Turn([], used, "completed", None, [])
    assert accounting.with_turn(run, turn, None, 5).cost == models.cost_of("gpt-6-luna", used) is not None
    local = replace(run, answering="llama3.2")
    assert accounting.with_turn(local, turn, None, 5).cost is None
