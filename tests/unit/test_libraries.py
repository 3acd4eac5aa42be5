"""Libraries that are too large for the layers are there when code imports them, and no sooner."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cdk.code_interpreter import LIBRARIES_MB
from cdk.libraries import modules_of
from layers.build import CACHE, ROOT, build
from tests.support.sandboxes import Environment, sandboxed

NAMES = sorted(path.name for path in (ROOT / "layers" / "libraries").iterdir())
Run = Callable[..., list[str]]


def offered(*names: str) -> list[dict[str, Any]]:
    """Libraries as the broker names them, at addresses of this machine."""
    archives = {name: CACHE / "host" / f"library-{name}.zip" for name in names}
    return [
        {"name": name, "modules": modules_of(archive), "url": archive.as_uri()} for name, archive in archives.items()
    ]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An execution environment that fetches and keeps libraries."""
    with Environment(tmp_path_factory.mktemp("environment")) as environment:
        yield environment


@pytest.fixture
def run(environment: Environment) -> Run:
    """Run codes one after another in the execution environment; what each printed."""
    return partial(_run, environment)


@pytest.fixture
def run_apart(tmp_path: Path) -> Iterator[Run]:
    """Run codes in an execution environment that keeps no library yet."""
    with Environment(tmp_path) as environment:
        yield partial(_run, environment)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A library of two files, `small`, as the broker names it."""
    archive = tmp_path_factory.mktemp("small") / "small.zip"
    with zipfile.ZipFile(archive, "w") as entries:
        entries.writestr("python/small/__init__.py", "from small.part import value\n")
        entries.writestr("python/small/part.py", "value = 42\n")
    return [{"name": "small-1", "modules": modules_of(archive), "url": archive.as_uri()}]


@pytest.fixture(scope="module")
def run_small(tmp_path_factory: pytest.TempPathFactory, small: list[dict[str, Any]]) -> Iterator[Run]:
    """Run codes in an execution environment that is offered the small library alone."""
    with Environment(tmp_path_factory.mktemp("environment")) as environment:
        yield partial(_run, environment, libraries=small)


def _run(environment: Environment, *codes: str, **more: Any) -> list[str]:
    answers = environment.run(*codes, **{"libraries": offered(*NAMES), **more})
    assert [reason for _, reason, _ in answers] == [""] * len(codes), answers
    return [output.strip() for output, _, _ in answers]


IMPORTS = {
    "scipy": "from scipy import optimize, stats, linalg\nprint(round(stats.norm.cdf(0), 2),"
    " round(optimize.brentq(lambda x: x * x - 2, 0, 2), 4), linalg.det([[1, 2], [3, 5]]).round())",
    "scikit-learn": "from sklearn.linear_model import LinearRegression\nfrom sklearn.ensemble import"
    " RandomForestClassifier\nfrom sklearn.model_selection import cross_val_score\n"
    "print(LinearRegression().fit([[0], [1], [2]], [1, 3, 5]).coef_.round(2),"
    " cross_val_score(RandomForestClassifier(5, n_jobs=2), [[n % 2] for n in range(20)], [n % 2 for n in range(20)],"
    " n_jobs=2, cv=2))",
    "statsmodels": "import pandas as pd, statsmodels.api as sm, statsmodels.formula.api as smf\n"
    "frame = pd.DataFrame({'x': [0, 1, 2, 3], 'y': [1, 3, 5, 7.5]})\n"
    "print(smf.ols('y ~ x', frame).fit().params.round(2).tolist(), sm.tsa.acf([1, 2, 1, 2], nlags=1).round(2))",
    "plotly": "import plotly.express as px, plotly.graph_objects as go\n"
    "figure = px.bar(x=['a', 'b'], y=[1, 2]); figure.write_html('/mnt/data/figure.html')\n"
    "print(len(open('/mnt/data/figure.html').read()) > 100_000, type(go.Figure()).__name__, len(figure.data))",
    "pyarrow": "import pandas as pd\nframe = pd.DataFrame({'a': [1, None], 't': ['x', 'ü'],"
    " 'd': pd.to_datetime(['2026-01-01', None])})\nframe.to_parquet('/mnt/data/f.parquet')\n"
    "frame.to_feather('/mnt/data/f.feather')\n"
    "print(pd.read_parquet('/mnt/data/f.parquet').equals(frame), pd.read_feather('/mnt/data/f.feather').t.tolist(),"
    " pd.read_parquet('/mnt/data/f.parquet', dtype_backend='pyarrow').a.dtype)",
    "pdfplumber": "from reportlab.pdfgen.canvas import Canvas\npage = Canvas('/mnt/data/a.pdf')\n"
    "page.drawString(100, 700, 'Total 42'); page.save(); del page\nimport pdfplumber, pypdfium2\n"
    "print(pdfplumber.open('/mnt/data/a.pdf').pages[0].extract_text(), len(pypdfium2.PdfDocument('/mnt/data/a.pdf')))",
}
PRINTED = {
    "scipy": "0.5 1.4142 -1.0",
    "scikit-learn": "[2.] [1. 1.]",
    "statsmodels": "[0.9, 2.15] [ 1.   -0.75]",
    "plotly": "True Figure 1",
    "pyarrow": "True ['x', 'ü'] double[pyarrow]",
    "pdfplumber": "Total 42 1",
}


def test_each_library_has_code_that_imports_it() -> None:
    assert sorted(IMPORTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_library_is_there_when_code_imports_it(run: Run, name: str) -> None:
    assert run(IMPORTS[name]) == [PRINTED[name]]


READERS = "pypdf PyPDF2 docx pptx xlrd lxml bs4 requests pytz jinja2 networkx reportlab tqdm yaml PIL openpyxl"


def test_what_people_attach_can_be_read(run: Run) -> None:
    code = f"""
import io, pandas as pd
for name in {READERS!r}.split():
    __import__(name)
print(pd.read_html(io.StringIO("<table><tr><td>1</td></tr></table>"))[0].shape)
print("<table" in pd.DataFrame([1]).style.to_html(), "<row>" in pd.DataFrame({{"a": [1]}}).to_xml())
import networkx
print(round(networkx.pagerank(networkx.path_graph(3))[1], 2))
"""
    assert run(code) == ["(1, 1)\nTrue True\n0.49"]


def test_a_started_process_finds_what_was_imported(run: Run) -> None:
    code = """
import scipy, subprocess, sys, multiprocessing
started = [sys.executable, "-c", "import scipy; print(scipy.__name__)"]
print(subprocess.run(started, capture_output=True, text=True).stdout)
def work(n):
    from scipy import constants
    return n
with multiprocessing.Pool(2) as pool:
    print(pool.map(work, range(3)))
def lazy(n):
    try:
        import plotly
    except ImportError as error:
        return str(error)
with multiprocessing.Pool(1) as pool:
    print(pool.map(lazy, [1]))
del pool
"""
    [output] = run(code)
    assert output.splitlines() == [
        "scipy",
        "",
        "[0, 1, 2]",
        "['plotly is fetched when it is first imported: import it before you start processes.']",
    ]


def test_a_library_is_fetched_once_for_an_environment(run_small: Run) -> None:
    show = "import small, os\nprint(small.__file__, os.stat(small.__file__).st_ino)"
    first, second = run_small(show, show)
    assert first == second
    assert "/libraries/small-1/python/small/__init__.py" in first


def test_nothing_is_fetched_for_who_only_looks(run: Run) -> None:
    """pandas looks for pyarrow, and seaborn for scipy."""
    code = """
import sys
import pandas as pd, seaborn as sns, networkx, sympy
frame = pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}); frame.groupby("a").b.sum(); frame.describe()
sns.scatterplot(frame, x="a", y="b")
pd.concat([frame, frame]).merge(frame, on="a").to_csv("/mnt/data/a.csv")
print(sorted({name.partition(".")[0] for name in sys.modules} & {"sci" + "py", "py" + "arrow", "sklearn", "plotly"}))
"""
    assert run(code) == ["[]"]


def test_frames_that_pyarrow_holds_last_to_the_next_call(environment: Environment) -> None:
    """The session's variables are loaded before the code runs, and pandas with them."""
    storage = "import pandas as pd\nprint(pd.Series(['a']).dtype.storage)"
    ran = environment.session(storage, f"import pyarrow\n{storage}", storage, libraries=offered("pyarrow"))
    assert [each.output for each in ran] == ["python\n", "pyarrow\n", "pyarrow\n"]


def test_a_library_counts_neither_as_the_code_s_disk_nor_as_its_files(run_small: Run, tmp_path: Path) -> None:
    archive = tmp_path / "large.zip"
    with zipfile.ZipFile(archive, "w") as entries:
        entries.writestr("python/large/__init__.py", "")
        for number in range(600):
            entries.writestr(f"python/large/{number}.dat", bytes(60_000))
    large = [{"name": "large-1", "modules": modules_of(archive), "url": archive.as_uri()}]
    code = "import large, time\nopen('/mnt/data/large', 'wb').write(bytes(40 << 20))\ntime.sleep(0.5)\nprint(1)"
    assert run_small(code, code, disk_mb=50, libraries=large) == ["1", "1"]


def test_what_code_leaves_beside_libraries_counts_and_is_removed(tmp_path: Path, small: list[dict[str, Any]]) -> None:
    code = """
import os, small
folder = os.path.dirname(os.path.dirname(small.__file__))
for number in range(2):
    with open(f"{folder}/large{number}", "wb") as file:
        file.truncate(90 << 20)
import time; time.sleep(2)
"""
    [(_, reason, _)] = sandboxed(tmp_path, code, libraries=small, disk_mb=100)
    assert reason == "The code was stopped: it wrote more than 100 MB, or too many files."


@pytest.mark.parametrize(
    "attack",
    [
        "os.chmod(file, 0o644); open(file, 'a').write('print(1/0)')",
        "status = os.stat(file); os.chmod(file, 0o644); text = open(file).read()\n"
        "open(file, 'w').write('#' + text[1:]); os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))",
        "os.remove(file)",
        "os.remove(file); os.symlink('/etc/passwd', file)",
        "open(os.path.dirname(file) + '/planted.py', 'w').write('')",
        "os.rename(folder, folder + '.old'); os.symlink(folder + '.old', folder)",
        "shutil.rmtree(libraries); os.symlink('/tmp', libraries)",
        "shutil.rmtree(libraries); os.mkfifo(libraries)",
    ],
)
def test_a_library_that_code_changed_is_fetched_anew(run_small: Run, attack: str) -> None:
    code = f"""
import os, shutil, small
file = small.__file__; folder = os.path.dirname(file); libraries = os.path.abspath(folder + "/../../..")
assert os.path.basename(libraries) == "libraries"
{attack}
del small
print("changed")
"""
    look = """
import os, small
folder = os.path.dirname(small.__file__)
print(small.value, os.path.islink(folder), os.path.islink(small.__file__))
print(os.path.exists(folder + "/planted.py"))
"""
    assert run_small(code, look) == ["changed", "42 False False\nFalse"]


def test_what_can_not_be_fetched_says_so_at_once(run_apart: Run) -> None:
    gone = [{**each, "url": "file:///none.zip"} for each in offered("scipy")]
    [output] = run_apart("try:\n    import scipy\nexcept ImportError as error:\n    print(error)", libraries=gone)
    assert output == "scipy is not available: it could not be fetched (URLError)."
    [output] = run_apart("import sklearn", libraries=[])
    assert output.endswith("ModuleNotFoundError: No module named 'sklearn'")


def test_all_that_libraries_need_is_there(tmp_path: Path) -> None:
    """Each archive has its packages alone: what these need is in the layer or in another archive.

    IPython completes what somebody types by jedi, which is left out.
    """
    build("host")
    folders = [CACHE / "host" / name / "python" for name in ("python_data", *(f"library-{each}" for each in NAMES))]
    code = """
import sys
from importlib.metadata import distributions, requires
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
there = {canonicalize_name(each.name): each.version for each in distributions(path=sys.argv[1:])}
for each in distributions(path=sys.argv[1:]):
    for text in each.requires or []:
        needed = Requirement(text)
        if needed.name != "jedi" and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
            version = there.get(canonicalize_name(needed.name))
            if version is None or not needed.specifier.contains(version, prereleases=True):
                print(each.name, "needs", text, "and there is", version)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, folders)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(folders[0])},
    )
    assert ran.stdout == ""


def test_all_libraries_fit_on_the_disk() -> None:
    build("lambda")
    unpacked, packed = 0, []
    for name in NAMES:
        archive = CACHE / "lambda" / f"library-{name}.zip"
        packed.append(archive.stat().st_size)
        with zipfile.ZipFile(archive) as entries:
            unpacked += sum(-(-entry.file_size // 4096) * 4096 for entry in entries.infolist())
    assert unpacked + max(packed) <= LIBRARIES_MB << 20, json.dumps([unpacked, packed])
