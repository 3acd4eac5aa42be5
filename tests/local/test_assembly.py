"""A cloud assembly is kept until something changes that it is made from; the CDK itself is a fake here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local import assembly

SOURCES = (
    *("app.py", "cdk.json", "cdk/stack.py", "cdk/run.asl.json"),
    *("lambdas/api/api.py", "lambdas/console/page/page.css", "lambdas/tools/finance/tool.toml"),
    *("layers/tool_folders.py", "layers/streaming/streaming_wrapper", "layers/engine/assistant_engine/models.json"),
    ".build/layers/host/engine.stamp",
)
"""One of each kind that an app, its assets and its layers are made from."""


class Cdk:
    """Stands in for the CDK: writes an assembly.

    Attributes:
        syntheses: how many it has begun.
        meanwhile: what happens during the next.
    """

    def __init__(self) -> None:
        self.syntheses = 0
        self.meanwhile: Callable[[], object] | None = None

    def __call__(self, app: Path, context: object, folder: Path) -> None:
        self.syntheses += 1
        folder.mkdir()
        (folder / "manifest.json").write_text(str(self.syntheses))
        if meanwhile := self.meanwhile:
            self.meanwhile = None
            meanwhile()


@pytest.fixture
def cdk(monkeypatch: pytest.MonkeyPatch) -> Cdk:
    made = Cdk()
    monkeypatch.setattr(assembly, "synthesise", made)
    return made


@pytest.fixture
def app(tmp_path: Path) -> Path:
    for name in SOURCES:
        (tmp_path / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "app" / name).write_text("as it was")
    return tmp_path / "app"


def made(app: Path, **context: str) -> str:
    """Return what the assembly of the app holds."""
    folder = assembly.assembly_of(app, {"env": "dev", **context}, app.parent / "assemblies")
    return (folder / "manifest.json").read_text()


def test_an_assembly_is_made_once(app: Path, cdk: Cdk) -> None:
    assert [made(app), made(app), made(app)] == ["1", "1", "1"]
    # Byte code is of no asset.
    (app / "cdk" / "__pycache__").mkdir()
    (app / "cdk" / "__pycache__" / "stack.pyc").write_text("")
    assert made(app) == "1"


@pytest.mark.parametrize("name", SOURCES)
def test_what_has_changed_is_synthesised(app: Path, cdk: Cdk, name: str) -> None:
    assert made(app) == "1"
    (app / name).write_text("as it is")
    assert made(app) == "2"
    (app / name).unlink()
    assert made(app) == "3"


def test_another_context_or_cdk_is_synthesised(app: Path, cdk: Cdk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [made(app), made(app, model="gpt"), made(app)] == ["1", "2", "1"]
    lock = app.parent / "package-lock.json"
    monkeypatch.setattr(assembly, "_PACKAGES", (lock,))
    assert made(app) == "3"
    lock.write_text("another CDK")
    assert made(app) == "4"


def test_a_synth_that_is_interrupted_leaves_nothing(app: Path, cdk: Cdk) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    cdk.meanwhile = interrupt
    with pytest.raises(KeyboardInterrupt):
        made(app)
    assert list((app.parent / "assemblies").iterdir()) == []
    # Of a process that was killed there are leftovers.
    (app.parent / "assemblies" / ".killed" / "assembly").mkdir(parents=True)
    assert made(app) == "2"
    assert len(list((app.parent / "assemblies").iterdir())) == 1


def test_what_is_saved_during_a_synth_is_synthesised(app: Path, cdk: Cdk) -> None:
    cdk.meanwhile = lambda: (app / "app.py").write_text("saved meanwhile")
    assert made(app) == "2"
    assert made(app) == "2"
    (app / "app.py").write_text("as it was")
    assert made(app) == "3"


def test_few_assemblies_are_kept(app: Path, cdk: Cdk) -> None:
    for model in ("a", "b", "c", "d"):
        made(app, model=model)
    assert len(list((app.parent / "assemblies").iterdir())) == assembly.MAX_ASSEMBLIES
    assert made(app, model="d") == "4"
