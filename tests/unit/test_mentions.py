"""Known files and passages are found in a text however the model writes them, and nothing else is."""

import json
import re
import unicodedata
from urllib.parse import quote

import pytest

from assistant_engine.domain import mentions
from assistant_engine.domain.annotations import annotated
from assistant_engine.domain.builtin_tools import Result, mark
from assistant_engine.domain.json_data import Json

NAMES = [
    "report.csv",
    "sales report.csv",
    "report (1).csv",
    "out/chart v2 [final].png",
    "Größe für Käufer.xlsx",
    "データ 一覧.csv",
    "가격표.xlsx",
    "100% sure & done.txt",
    "it's_a *new* file.md",
    "50%25.csv",
    "a<b>.txt",
    "no suffix",
    "Screenshot 2026-11-27 at 9.41.00\u202fAM.png",
    "【重要】利用規約†.pdf",
    "😀 tick`s.txt",
]
FORMS = [
    "See sandbox:{}.",
    "See {}.",
    "`sandbox:{}`",
    "`{}`, and then",
    "[Get it](sandbox:{})",
    "[Get it](<sandbox:{}>)",
    '[Get it](sandbox:{} "Your file")',
    "![It](sandbox:{} 'Your file')",
    "**sandbox:{}**",
    "_{}_",
    '<a href="sandbox:{}">it</a>',
    "“{}”!",
    "ファイルは{}です。",
    "文件在sandbox:{}。",
    "{}",
]


def spans(text: str, *names: str) -> list[str]:
    found = mentions.paths(text, [f"/mnt/data/{name}" for name in names])
    return [text[mention.span.start : mention.span.end] for mention in found]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_a_known_path_is_found_however_it_is_written(name: str, form: str) -> None:
    path = f"/mnt/data/{name}"
    markdown = path.replace("_", r"\_").replace("(", r"\(").replace("*", r"\*")
    lower = re.sub("%..", lambda found: found[0].lower(), quote(path))
    for way in (path, quote(path), lower, quote(path, safe="/()&' "), markdown, path.replace("\u202f", " ")):
        for normal in ("NFC", "NFD"):
            written = unicodedata.normalize(normal, way)
            [found] = spans(form.format(written), name)
            assert found.removeprefix("sandbox:") == written
            assert found.startswith("sandbox:") == ("sandbox:" in form)


@pytest.mark.parametrize("name", ["Ångström.csv", "ガラス.csv", "각도.csv"])
def test_a_path_is_found_in_another_normal_form(name: str) -> None:
    for known in ("NFC", "NFD"):
        for said in ("NFC", "NFD"):
            text = f"sandbox:/mnt/data/{quote(unicodedata.normalize(said, name))}"
            assert spans(text, unicodedata.normalize(known, name)) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "/mnt/data/report.csv.gz",
        "/mnt/data/report.csv2",
        "/mnt/data/report.csv%20copy",
        "/mnt/data/report.csv/part-1",
        "/mnt/data/old/report.csv",
        "/home/mnt/data/report.csv",
        "https://example.com/mnt/data/report.csv",
        "./mnt/data/report.csv",
        "/mnt/data/Report.csv",
        "report.csv",
    ],
)
def test_what_is_not_known_is_not_found(text: str) -> None:
    assert spans(text, "report.csv") == []


def test_the_longest_path_counts() -> None:
    text = "sandbox:/mnt/data/a.csv (1).csv, sandbox:/mnt/data/a.csv and /mnt/data/a.csv.zip"
    found = spans(text, "a.csv", "a.csv (1).csv", "a.csv.zip")
    assert found == ["sandbox:/mnt/data/a.csv (1).csv", "sandbox:/mnt/data/a.csv", "/mnt/data/a.csv.zip"]
    assert spans("Die /mnt/data/a.csv-Datei", "a.csv", "a") == ["/mnt/data/a.csv"]
    assert spans("/mnt/data/a-b", "a") == []


def test_a_long_text_and_many_files_take_no_time_to_speak_of() -> None:
    names = [f"file {number} (final).csv" for number in range(1_000)]
    text = "sandbox:/mnt/data/ (" * 20_000 + "【" * 20_000 + f"sandbox:/mnt/data/{quote(names[7])}"
    assert len(spans(text, *names)) == 1
    assert list(mentions.marks("【1:0†【" * 20_000, {(1, 0): "【"})) == []


@pytest.mark.parametrize(
    "name", ["【重要】利用規約.txt", "a†b.pdf", "a】b【c.pdf", "x[1](2).md", "】】.txt", "plain.pdf", "ガ】.txt"]
)
def test_a_mark_survives_every_file_name(name: str) -> None:
    for normal in ("NFC", "NFD"):
        named = mark(0, 0, unicodedata.normalize(normal, name))
        text = f"はい{named}。{named}{mark(0, 1, 'other')}"
        found = [text[span.start : span.end] for span, _ in mentions.marks(text, {(0, 0): name})]
        assert found == [named, named]


@pytest.mark.parametrize("cited", ["【0:0†source】", "【0:0†【重要】利用規約】", "【0:0†重要】", "【0:0†】"])
def test_a_mark_with_another_name_is_closed_by_its_own_bracket(cited: str) -> None:
    text = f"はい{cited}。（注】"
    found = [text[span.start : span.end] for span, _ in mentions.marks(text, {(0, 0): "【重要】利用規約.txt"})]
    assert found == [cited]


def ran(*names: str, turn: int = 0, image: bool = False) -> Result:
    files = [
        {"file_id": f"file-{name}", "filename": name.rpartition("/")[2], "path": f"/mnt/data/{name}", "image": image}
        for name in names
    ]
    return Result(0, turn, "code_interpreter", json.dumps({"logs": "", "files": files}))


def annotations_of(text: str, *results: Result, others: dict[str, str] | None = None) -> tuple[list[Json], list[str]]:
    part = {"type": "text", "text": {"value": text, "annotations": []}}
    content, attachments = annotated([part], list(results), 0, lambda: others or {})
    found: list[Json] = content[-1]["text"]["annotations"]
    assert all(text[each["start_index"] : each["end_index"]] == each["text"] for each in found)
    return found, [attachment["file_id"] for attachment in attachments]


def test_a_made_file_is_attached_whether_or_not_it_is_linked() -> None:
    found, attached = annotations_of("[a](sandbox:/mnt/data/a.csv)", ran("a.csv", "b.csv"))
    assert [each["file_path"]["file_id"] for each in found] == ["file-a.csv"]
    assert attached == ["file-a.csv", "file-b.csv"]
    part = {"type": "text", "text": {"value": "Done.", "annotations": []}}
    assert annotated([part], [ran("a.csv"), ran("c.png", turn=1, image=True)], 1)[1] == []


def test_a_file_of_another_run_or_of_the_user_is_linked() -> None:
    others = {"/mnt/data/old report.csv": "file-old", "/mnt/data/a.csv": "file-before"}
    text = "[a](sandbox:/mnt/data/a.csv) and [old](sandbox:/mnt/data/old%20report.csv)"
    found, attached = annotations_of(text, ran("a.csv"), others=others)
    assert [each["file_path"]["file_id"] for each in found] == ["file-a.csv", "file-old"]
    assert attached == ["file-a.csv", "file-old"]


def test_the_thread_is_not_read_for_files_of_the_run() -> None:
    def fail() -> dict[str, str]:
        raise AssertionError("the thread was read")

    for text in ("Done.", "[a](sandbox:/mnt/data/a.csv) is at /mnt/data/a.csv"):
        part = {"type": "text", "text": {"value": text, "annotations": []}}
        annotated([part], [ran("a.csv")], 0, fail)


def test_beside_its_link_a_path_is_no_second_one() -> None:
    """Clients replace the text of an annotation wherever it is: that of the path is in that of the link."""
    found, _ = annotations_of("[/mnt/data/a.csv](sandbox:/mnt/data/a.csv) and /mnt/data/b.csv", ran("a.csv", "b.csv"))
    assert [each["text"] for each in found] == ["sandbox:/mnt/data/a.csv", "/mnt/data/b.csv"]
