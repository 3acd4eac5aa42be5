"""Tables of the tests' own, without the stack."""

import uuid
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store
from assistants.transfer import importing
from assistants.transfer.files import in_folders, stage_unlisted
from assistants.transfer.models import Models
from assistants.transfer.openai_export import Collector
from assistants.transfer.report import Report
from assistants.transfer.staging import Staging
from tests.support import tables
from tests.support.imports import NOW, Imported

FINANCE = {"finance": {"class_name": "Finance", "functions": {"get_stock_price": {}}}}


@pytest.fixture(scope="package")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with tables.running(tmp_path_factory.mktemp("emulator")):
        yield


@pytest.fixture
def stack(aws: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Store]:
    """Make empty tables and point the store at them."""
    return lambda: tables.use(monkeypatch, tables.make(f"t-{uuid.uuid4().hex[:8]}"))


@pytest.fixture
def store(stack: Callable[[], Store]) -> Store:
    return stack()


@pytest.fixture
def import_openai(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Imported]:
    """Import files as `import openai` does."""

    def run(store: Store, *paths: Path, model_map: Json | None = None, model: str = "", **options: Any) -> Imported:
        report = Report(tmp_path_factory.mktemp("report") / "report.jsonl")
        target = importing.Target(
            store,
            NOW,
            Models(date(2026, 11, 27), model_map or {}, model),
            deployed=FINANCE,
            embedding={"model": "e", "dimensions": 3},
            **options,
        )
        with Staging() as staging:
            content, by_id = in_folders(list(paths))
            Collector(staging, report).read(list(paths))
            stage_unlisted(staging, by_id)
            importing.write(staging, target, report, content)
        return Imported(report)

    return run
