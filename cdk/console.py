"""Makes the console: the function that serves its page, and the files that it serves."""

import gzip
import hashlib
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from aws_cdk.aws_lambda import Code, ILayerVersion
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.sources import LAMBDAS, ROOT

CONSOLE = LAMBDAS / "console"
PACKAGES = ROOT / "node_modules"
BUILT = ROOT / ".build" / "console"

LIBRARIES = {
    "preact": "preact/dist/preact.mjs",
    "preact/hooks": "preact/hooks/dist/hooks.mjs",
    "@preact/signals-core": "@preact/signals-core/dist/signals-core.mjs",
    "@preact/signals": "@preact/signals/dist/signals.mjs",
    "htm": "htm/dist/htm.mjs",
    "marked": "marked/lib/marked.esm.js",
}
"""The modules of other authors that the page loads, by their names; package.json pins their versions."""


class Console(Construct):
    """The function that serves the console's page. It reads only its own files, so its role allows it to log only.

    Args:
        runtime: the layer that sends an answer's bytes as they are.

    Attributes:
        function: answers `/console` and all below it.
    """

    def __init__(self, scope: Construct, id: str, configuration: Configuration, *, runtime: ILayerVersion) -> None:
        super().__init__(scope, id)
        self.function = VersionedFunction(
            self,
            "console",
            configuration,
            "The page to look at threads and runs, and to try an assistant.",
            code=Code.from_asset(str(packed())),
            layers=[runtime],
            environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/streaming_wrapper"},
            timeout=10,
            memory=512,
            tracing=False,
        )


def packed() -> Path:
    """Return the folder that is deployed: the handler, the page's files and its libraries, each compressed.

    Raises:
        FileNotFoundError: the packages are not installed; `make setup` does so.
    """
    site = {str(path.relative_to(CONSOLE / "page")): path.read_text() for path in _sources()}
    site |= {f"vendor/{_file_of(name)}": _library(path) for name, path in LIBRARIES.items()}
    site["vendor/licenses.txt"] = _licenses()
    handler = (CONSOLE / "console.py").read_text()
    version = hashlib.sha256(repr([sorted(site.items()), handler]).encode()).hexdigest()[:16]
    site["index.html"] = site["index.html"].replace("VERSION", version)
    folder = BUILT / version
    if not folder.is_dir():
        BUILT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILT, prefix=".") as temporary:
            _write(Path(temporary) / "made", handler, site, version)
            with suppress(OSError):  # Another process may have been faster.
                (Path(temporary) / "made").rename(folder)
        for other in BUILT.glob("[!.]*"):
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
    return folder


def _write(folder: Path, handler: str, site: dict[str, str], version: str) -> None:
    for path, text in site.items():
        target = folder / "site" / f"{path}.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(text.encode(), mtime=0))
    (folder / "site" / "version").write_text(version)
    (folder / "console.py").write_text(handler)


def _sources() -> list[Path]:
    return sorted(path for path in (CONSOLE / "page").rglob("*") if path.is_file())


def _file_of(name: str) -> str:
    return f"{name.removeprefix('@').replace('/', '-')}.js"


def _library(path: str) -> str:
    """Return a module that names the others by their files: a page can't look names up without an inline script."""
    text = re.sub(r"//# sourceMappingURL=\S+", "", (PACKAGES / path).read_text())
    return re.sub(
        r"""(\bfrom|\bimport)\s*(["'])([@\w/-]+)\2""",
        lambda found: f'{found[1]}"./{_file_of(found[3])}"' if found[3] in LIBRARIES else found[0],
        text,
    )


def _licenses() -> str:
    packages = dict.fromkeys(re.match(r"(@\w+/)?[\w-]+", path)[0] for path in LIBRARIES.values())  # type: ignore[index]
    return "\n\n".join(f"{name}\n\n{_license(PACKAGES / name)}" for name in packages)


def _license(package: Path) -> str:
    [found] = [path for path in package.iterdir() if re.fullmatch(r"licen[cs]e(\.\w+)?", path.name, re.IGNORECASE)]
    return found.read_text()
