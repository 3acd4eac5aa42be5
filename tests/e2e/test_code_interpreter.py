"""The code interpreter as its broker's callers see it: sessions, files, charts and errors."""

import json
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import NotFound
from tests.support.driver import Driver, without_times
from tests.support.interpreter import Interpreter, call_broker, new_call

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def interpreter(driver: Driver) -> Interpreter:
    """A thread for tests that don't mind what others left in it; a new one has a sandbox of its own to start."""
    return Interpreter(driver)


def upload(driver: Driver, name: str, data: bytes) -> str:
    """A file of the API; its id."""
    now = int(time.time())
    file = {
        "id": ids.new_id("file-", Milliseconds(now * 1000)),
        "object": "file",
        "bytes": len(data),
        "created_at": now,
        "filename": name,
        "purpose": "assistants",
        "status": "processed",
    }
    driver.store.files.create(file, "application/octet-stream", data)
    return str(file["id"])


def test_what_is_printed_and_the_last_value_come_back(interpreter: Interpreter) -> None:
    ran = interpreter.run("import sys\nprint('one')\nprint('two', file=sys.stderr)\n[3] * 2")
    assert ran.logs == "one\ntwo\n[3, 3]"


def test_an_error_comes_back_as_the_code_s_own_traceback(driver: Driver) -> None:
    interpreter = Interpreter(driver)
    ran = interpreter.run("kept = 7\ndef half(n):\n    return n / 0\nhalf(1)")
    assert ran.logs == textwrap.dedent(
        """\
        Traceback (most recent call last):
          File "<cell 1>", line 4, in <module>
            half(1)
          File "<cell 1>", line 3, in half
            return n / 0
                   ~~^~~
        ZeroDivisionError: division by zero"""
    )
    assert interpreter.run("kept").logs == "7"
    assert "SyntaxError" in interpreter.run("def").logs
    assert interpreter.run("open('/mnt/data/none')").logs.endswith("No such file or directory: '/mnt/data/none'")


def test_variables_functions_and_files_are_carried_from_call_to_call(driver: Driver) -> None:
    interpreter = Interpreter(driver)
    interpreter.run(
        """
        import numpy as np
        import pandas as pd
        rate = 2
        def scaled(n): return n * rate
        class Point:
            def __init__(self, x): self.x = x
        point = Point(5)
        same = frame = pd.DataFrame({"a": [1, 2, 3]})
        open("/mnt/data/note.txt", "w").write("kept")
        """.replace("\n        ", "\n")
    )
    ran = interpreter.run(
        "rate = 10\nprint(scaled(4), point.x, isinstance(point, Point), same is frame, np.sum(frame.a))\n"
        "open('/mnt/data/note.txt').read()"
    )
    assert ran.logs == "40 5 True True 6\n'kept'"
    assert not ran.files


def test_what_can_t_be_kept_is_named_and_the_rest_is_kept(interpreter: Interpreter) -> None:
    ran = interpreter.run("number = 3\nlines = (line for line in [])\nlines")
    assert ran.logs.endswith(
        "[not kept for the next call: lines, a generator: TypeError: cannot pickle 'generator' object]"
    )
    assert interpreter.run("print(number)\nlines").logs.startswith("3\nTraceback")


def test_nothing_passes_from_one_thread_to_another(driver: Driver) -> None:
    first, second = Interpreter(driver), Interpreter(driver)
    first.run("secret = 1\nopen('/mnt/data/secret.txt', 'w').write('1')")
    ran = second.run("import os\nprint(os.listdir('/mnt/data'))\nsecret")
    assert ran.logs.startswith("[]\nTraceback")
    assert ran.logs.endswith("NameError: name 'secret' is not defined")
    assert first.run("secret").logs == "1"


def test_nothing_passes_through_a_warm_sandbox(driver: Driver) -> None:
    """The thread's session is gone at its second call, which the same execution environment serves."""
    thread = Interpreter(driver)
    places = "import os, tempfile\nplaces = '/mnt/data', os.path.expanduser('~'), tempfile.gettempdir()\n"
    first = thread.run(
        f"{places}planted = 1\nfor place in places:\n    open(place + '/planted', 'w').write('1')\n"
        "outside = os.environ['SANDBOX_DATA'] + '/../../planted'\nopen(outside, 'w').write('1')\nprint(os.getppid())"
    ).logs
    driver.client("s3").delete_object(Bucket=driver.store.blobs.bucket, Key=f"sandbox/{thread.thread_id}/head")
    second = thread.run(
        f"{places}print(os.getppid())\nfor place in places:\n    print(os.path.exists(place + '/planted'))\n"
        "print(os.path.exists(os.environ['SANDBOX_DATA'] + '/../../planted'), 'planted' in globals())"
    ).logs
    pid, *found = second.split("\n", 1)
    assert first.split("\n")[0] == pid
    assert "True" not in found[0]


def test_given_files_are_there_and_produced_ones_come_back(driver: Driver, interpreter: Interpreter) -> None:
    table = upload(driver, "../a/prices 2026.csv", b"city,price\nOslo,3\nRome,4\n")
    again = upload(driver, "prices 2026.csv", b"city,price\nBonn,1\n")
    ran = interpreter.run(
        "import os, pandas as pd\nprint(sorted(name for name in os.listdir('/mnt/data') if 'prices' in name))\n"
        "frame = pd.read_csv('/mnt/data/prices 2026.csv')\nos.makedirs('/mnt/data/out/deep')\n"
        "frame.describe().to_excel('/mnt/data/out/deep/summary.xlsx')\nint(frame.price.sum())",
        [table, again],
    )
    older = f"prices 2026-{table}.csv"
    assert ran.logs.splitlines() == [
        f"['{older}', 'prices 2026.csv']",
        "1",
        f"[/mnt/data/prices 2026.csv is the newest file of this name; /mnt/data/{older} is an older one]",
    ]
    (path,) = ran.files
    assert path == "/mnt/data/out/deep/summary.xlsx"
    assert ran.files[path]["filename"] == "summary.xlsx"
    kept = driver.store.files.get(ran.files[path]["file_id"])
    data = interpreter.bytes_of(kept["id"])
    assert data.startswith(b"PK")
    assert (kept["purpose"], kept["filename"], kept["bytes"]) == ("assistants_output", "summary.xlsx", len(data))


def test_a_given_file_that_the_code_changes_stays_changed(driver: Driver, interpreter: Interpreter) -> None:
    file_id = upload(driver, "list.txt", b"one\n")
    ran = interpreter.run("open('/mnt/data/list.txt', 'a').write('two\\n')", [file_id])
    assert interpreter.bytes_of(ran.files["/mnt/data/list.txt"]["file_id"]) == b"one\ntwo\n"
    ran = interpreter.run("open('/mnt/data/list.txt').read()", [file_id])
    assert (ran.logs, ran.files) == ("'one\\ntwo\\n'", {})
    assert driver.store.files.read(file_id) == b"one\n"


def test_a_file_that_the_user_sends_is_the_current_one_under_its_name(driver: Driver) -> None:
    interpreter = Interpreter(driver)
    interpreter.run("open('/mnt/data/report.csv', 'w').write('old')")
    sent = upload(driver, "report.csv", b"new")
    ran = interpreter.run(
        "print(open('/mnt/data/report.csv').read(), open('/mnt/data/report-before.csv').read())", [sent]
    )
    assert ran.logs.splitlines() == [
        "new old",
        "[/mnt/data/report.csv is the file that the user gave now. What was there before is now"
        " /mnt/data/report-before.csv]",
    ]
    assert interpreter.run("open('/mnt/data/report.csv').read()", [sent]).logs == "'new'"
    newer = upload(driver, "report.csv", b"newer")
    assert interpreter.run("open('/mnt/data/report.csv').read()", [sent, newer]).logs.splitlines()[0] == "'newer'"


def test_temporary_files_and_the_home_folder_last_as_long_as_the_session(driver: Driver) -> None:
    interpreter = Interpreter(driver)
    interpreter.run(
        "import os, pathlib, tempfile\npaths = [pathlib.Path(tempfile.gettempdir()), pathlib.Path.home()]\n"
        "for path in paths: (path / 'kept.txt').write_text('kept')\nos.makedirs('/mnt/data/out')"
    )
    ran = interpreter.run("[(path / 'kept.txt').read_text() for path in paths], os.path.isdir('/mnt/data/out')")
    assert ran.logs == "(['kept', 'kept'], True)"


def test_a_deleted_file_is_named(interpreter: Interpreter) -> None:
    assert interpreter.run("print('ran')", ["file-none"]).logs == "ran\n[the file file-none is not there]"


def test_the_folder_is_there_for_every_way_to_open_a_file(driver: Driver) -> None:
    ran = Interpreter(driver).run(
        """
import glob, json, os, pathlib, shutil, sqlite3, subprocess, sys, zipfile
import numpy as np, pandas as pd
from matplotlib import pyplot as plt
from PIL import Image

folder = "/" + "mnt" + "/data"
os.makedirs(folder + "/sub")
with open("/mnt/data/a.txt", "w") as file: file.write("text")
print("open", open(pathlib.Path(folder, "a.txt")).read(), open("a.txt").read())
print("os", sorted(os.listdir("/mnt/data")), os.path.getsize("/mnt/data/a.txt"), os.getcwd(), os.path.abspath("a.txt"))
print("walk", [names for _, _, names in os.walk("/mnt/data")])
path = pathlib.Path("/mnt/data")
(path / "b.txt").write_text("path")
print("pathlib", (path / "b.txt").read_text(), [p.name for p in sorted(path.glob("*.txt"))], path.resolve())
frame = pd.DataFrame({"n": [1, 2]})
frame.to_csv("/mnt/data/f.csv"); frame.to_json("/mnt/data/f.json")
frame.to_excel("/mnt/data/f.xlsx"); frame.to_pickle("/mnt/data/f.pkl")
read = pd.read_csv("/mnt/data/f.csv").n, pd.read_json("/mnt/data/f.json").n, pd.read_excel("/mnt/data/f.xlsx").n
print("pandas", [int(column.sum()) for column in (*read, pd.read_pickle("/mnt/data/f.pkl").n)])
np.save("/mnt/data/a.npy", np.arange(3))
np.arange(3).tofile("/mnt/data/a.bin")
print("numpy", np.load("/mnt/data/a.npy").sum(), np.fromfile("/mnt/data/a.bin", dtype=int).sum())
plt.plot([1, 2]); plt.savefig("/mnt/data/p.png"); plt.close()
print("pillow", Image.open("/mnt/data/p.png").size)
with zipfile.ZipFile("/mnt/data/z.zip", "w") as z: z.write("/mnt/data/a.txt", "a.txt")
print("zipfile", zipfile.ZipFile("/mnt/data/z.zip").read("a.txt"))
db = sqlite3.connect("/mnt/data/d.db"); db.execute("create table t (n)"); db.close()
db = sqlite3.connect("file:/mnt/data/d.db?mode=ro", uri=True)
print("sqlite3", os.path.exists("d.db"), db.execute("select count(*) from t").fetchone())
shutil.copy("/mnt/data/a.txt", "/mnt/data/sub"); shutil.move("/mnt/data/sub/a.txt", "/mnt/data/sub/c.txt")
print("shutil", os.listdir("/mnt/data/sub"), glob.glob("/mnt/data/s*/*.txt"))
def started(*command, **more):
    return subprocess.run(*command, capture_output=True, text=True, **more).stdout.strip()
print("shell", started("cat /mnt/data/a.txt; cd /mnt/data/sub && pwd", shell=True))
print("program", started(["cat", "/mnt/data/b.txt"], cwd="/mnt/data"))
print("python", started([sys.executable, "-c", "print(open('/mnt/data/a.txt').read())"]))
(path / "sub" / "own.py").write_text("N = 8")
sys.path.append("/mnt/data/sub")
import own
print("import", own.N)
print("error", os.path.exists("/mnt/data/none"))
del db, z, file
shutil.rmtree("/mnt/data/sub")
os.stat("/mnt/data/sub")
"""
    )
    assert ran.logs.partition("\nTraceback")[0].splitlines() == [
        "open text text",
        "os ['a.txt', 'sub'] 4 /mnt/data /mnt/data/a.txt",
        "walk [['a.txt'], []]",
        "pathlib path ['a.txt', 'b.txt'] /mnt/data",
        "pandas [3, 3, 3, 3]",
        "numpy 3 3",
        "pillow (640, 480)",
        "zipfile b'text'",
        "sqlite3 True (0,)",
        "shutil ['c.txt'] ['/mnt/data/sub/c.txt']",
        "shell text/mnt/data/sub",
        "program path",
        "python text",
        "import 8",
        "error False",
    ]
    assert ran.logs.endswith("FileNotFoundError: [Errno 2] No such file or directory: '/mnt/data/sub'")


def test_charts_come_back_as_pictures(interpreter: Interpreter) -> None:
    ran = interpreter.run(
        "import matplotlib.pyplot as plt, seaborn\nplt.plot([1, 3, 2]); plt.title('first'); plt.show()\n"
        "figure, axes = plt.subplots(); axes.bar(['a', 'b'], [1, 2]); plt.savefig('/mnt/data/bars.png')\n"
        "_ = seaborn.histplot([1, 2, 2, 3])"
    )
    assert [figure["path"] for figure in ran.figures] == ["/mnt/data/figure-1.png", "/mnt/data/figure-2.png"]
    assert list(ran.files) == ["/mnt/data/bars.png"]
    pictures = [interpreter.bytes_of(file["file_id"]) for file in (*ran.figures, *ran.files.values())]
    assert all(picture.startswith(PNG) and len(picture) > 5_000 for picture in pictures)
    assert len(set(pictures)) == 3
    ran = interpreter.run("from PIL import Image\nImage.open('/mnt/data/figure-2.png').format")
    assert (ran.logs, ran.figures, ran.files) == ("'PNG'", [], {})


def test_of_too_many_files_the_rest_is_named(driver: Driver) -> None:
    ran = Interpreter(driver).run("for n in range(22):\n    open(f'/mnt/data/{n:02}.txt', 'w').write('x')")
    assert len(ran.files) == 20
    assert ran.logs == "[not given back, more than 20 files: /mnt/data/20.txt, /mnt/data/21.txt]"


def test_long_output_loses_its_middle(interpreter: Interpreter) -> None:
    ran = interpreter.run("print('first')\nprint('x' * 1_000_000)\nprint('last')")
    assert ran.logs.startswith("first\nxxx")
    assert ran.logs.endswith("xxx\nlast")
    assert "bytes left out ..." in ran.logs
    assert len(ran.logs) < 21_000
    assert "�" in interpreter.run("import os\nos.write(1, b'\\xff')").logs


def test_code_that_takes_too_long_is_stopped_and_changes_nothing(interpreter: Interpreter) -> None:
    interpreter.run("count = 1")
    ran = interpreter.run("import time\ncount = 2\ntime.sleep(600)", seconds=1)
    assert ran.logs == "The code was stopped: it took longer than 1 s."
    assert interpreter.run("count").logs == "1"


def test_a_call_delivered_twice_runs_once(driver: Driver, interpreter: Interpreter) -> None:
    interpreter.run("count = 0")
    call = new_call(interpreter.thread_id, "count += 1\nopen('/mnt/data/once.txt', 'w').write(str(count))\ncount")
    first = interpreter.deliver(call)
    assert interpreter.deliver(call) == first
    assert interpreter.run("count += 1\ncount").logs == "2"
    assert interpreter.deliver(call) == first
    assert interpreter.run("count").logs == "2"
    assert interpreter.bytes_of(first.files["/mnt/data/once.txt"]["file_id"]) == b"1"


def test_calls_at_the_same_moment_happen_one_after_the_other(driver: Driver) -> None:
    interpreter = Interpreter(driver)
    interpreter.run("seen = []")
    with ThreadPoolExecutor() as pool:
        list(pool.map(interpreter.run, [f"seen.append({number})" for number in range(3)]))
    assert interpreter.run("sorted(seen)").logs == "[0, 1, 2]"


def test_a_large_answer_goes_through_the_bucket(driver: Driver, interpreter: Interpreter) -> None:
    call = {**new_call(interpreter.thread_id, "print('x' * 900)"), "inline_bytes": 500}
    result = call_broker(driver, call)
    assert set(without_times(result)) == {"tool_call_id", "output_key"}
    output = json.loads(driver.store.blobs.read(result["output_key"]))
    assert output == {"logs": "x" * 900, "files": []}


def test_an_answer_is_cut_to_what_a_turn_may_hold(driver: Driver, interpreter: Interpreter) -> None:
    call = {**new_call(interpreter.thread_id, "print('\\x00é' * 5_000)"), "most_bytes": 4_000}
    output = call_broker(driver, call)["output"]
    assert len(output) <= 4_000
    assert json.loads(output)["logs"].endswith("[truncated]")


@pytest.mark.parametrize("arguments", ["", "[]", "{", '{"code": 1}', '{"input": "1"}'])
def test_arguments_without_code_are_the_model_s_error(driver: Driver, arguments: str) -> None:
    call = {**new_call("thread_none", ""), "arguments": arguments}
    answer = {"tool_call_id": "call_1", "output": 'Error: bad arguments. Expected {"code": "..."}.'}
    assert without_times(call_broker(driver, call)) == answer


def test_files_of_another_project_are_not_there(driver: Driver, interpreter: Interpreter) -> None:
    file_id = upload(driver, "ours.csv", b"1")
    call = {
        **new_call(interpreter.thread_id, "open('/mnt/data/new.txt', 'w').write('2')", [file_id]),
        "project": "other",
    }
    ran = interpreter.deliver(call)
    assert ran.logs == f"1\n[the file {file_id} is not there]"
    made = ran.files["/mnt/data/new.txt"]["file_id"]
    assert driver.store.of("other").files.get(made)["filename"] == "new.txt"
    with pytest.raises(NotFound):
        driver.store.files.get(made)


def test_no_address_and_no_code_is_logged(driver: Driver, interpreter: Interpreter) -> None:
    started = time.time()
    interpreter.run("print('planted-in-code')")
    lines = driver.log_lines(started)
    assert "planted-in-code" not in lines
    assert "X-Amz-Signature" not in lines


def test_a_session_and_a_file_that_are_gone_stop_nothing(driver: Driver) -> None:
    """S3 answers the sandbox with 403 for what is not there: the endpoint of its network lets nobody list."""
    interpreter = Interpreter(driver)
    file_id = upload(driver, "gone.csv", b"a,b\n")
    interpreter.run("kept = 1")
    state = driver.store.sessions.head(interpreter.thread_id).state
    assert state
    driver.store.blobs.delete(state)
    driver.store.files.delete_bytes(file_id)
    ran = interpreter.run("print('kept' in globals())", [file_id])
    assert ran.logs.splitlines() == [
        "[variables and files of the calls before are gone]",
        "False",
        "[/mnt/data/gone.csv is not there: the file was deleted]",
    ]


def test_a_library_comes_from_the_bucket_when_code_imports_it(driver: Driver) -> None:
    """By an address that the broker signed, through the endpoint of the sandbox's network."""
    interpreter = Interpreter(driver)
    assert interpreter.run("import pdfplumber\n'/libraries/' in pdfplumber.__file__").logs == "True"
    assert interpreter.run("'/libraries/' in pdfplumber.__file__").logs == "True"


def test_a_path_of_a_c_library_is_below_mnt_data(interpreter: Interpreter) -> None:
    code = (
        "import os, shutil, matplotlib\n"
        "shutil.copy(os.path.join(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSans.ttf'), '/mnt/data/f.ttf')\n"
        "from PIL import ImageFont\nprint(ImageFont.truetype('/mnt/data/f.ttf', 20).getname())\n"
        "from lxml import etree\nopen('/mnt/data/a.xml', 'w').write('<a/>')\n"
        "paths = [entry.path for entry in os.scandir('/mnt/data') if 'xml' in entry.name]\n"
        "print(etree.parse('/mnt/data/a.xml').getroot().tag, paths)"
    )
    assert interpreter.run(code).logs == "('DejaVu Sans', 'Book')\na ['/mnt/data/a.xml']"
