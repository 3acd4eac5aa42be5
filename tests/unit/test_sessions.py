"""Checks what a session carries from call to call: each variable by itself, a process's other state, and files."""

from typing import Any

import pytest

from tests.support.sandboxes import Environment


def outputs(environment: Environment, *cells: str, **limits: Any) -> list[str]:
    """Return what each cell of one session printed, without the last line's end."""
    return [ran.output.strip("\n") for ran in environment.session(*cells, **limits)]


@pytest.mark.parametrize(
    ("defined", "used", "printed"),
    [
        (
            "from functools import lru_cache\n@lru_cache(None)\n"
            "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)",
            "fib(30)",
            "832040",
        ),
        (
            "import functools\n@functools.cache\ndef double(n):\n    'Twice.'\n    return 2 * n",
            "double(4), double.__doc__",
            "(8, 'Twice.')",
        ),
        (
            "import functools\ndef logged(f):\n    @functools.wraps(f)\n    def inner(*a):\n        print('called')\n"
            "        return f(*a)\n    return inner\n@logged\ndef half(n): return n / 2",
            "half(3)",
            "called\n1.5",
        ),
        (
            "import functools\n@functools.singledispatch\ndef kind(x): return 'any'\n@kind.register\n"
            "def _(x: int): return 'int'",
            "kind(1), kind('')",
            "('int', 'any')",
        ),
        (
            "import functools\nclass Table:\n    @functools.cached_property\n    def rows(self): return 3\n"
            "    @functools.lru_cache\n    def row(self, n): return n\ntable = Table(); table.rows;",
            "table.rows + table.row(4)",
            "7",
        ),
        (
            "class Bad(Exception):\n    def __init__(self, row, why): super().__init__(why); self.row = row\n"
            "seen = [Bad(3, 'x')]",
            "isinstance(seen[0], Bad), seen[0].row, str(seen[0])",
            "(True, 3, 'x')",
        ),
        (
            "class Coded(ValueError):\n    def __init__(self, *, code): self.code = code\n"
            "try:\n    raise Coded(code=7)\nexcept Coded as error:\n    kept = error",
            "kept.code",
            "7",
        ),
        (
            "class Missing(KeyError):\n    def __init__(self, a, b): super().__init__(a); self.b = b\n"
            "found = Missing('k', 2)",
            "found.args, found.b",
            "(('k',), 2)",
        ),
        (
            "open('/mnt/data/own.py', 'w').write('class A:\\n    n = 5');\nimport own\na = own.A()",
            "a.n, own.A is type(a)",
            "(5, True)",
        ),
        (
            "import os, sys\nos.makedirs('/mnt/data/lib')\n"
            "open('/mnt/data/lib/deep.py', 'w').write('def f(): return 6');\n"
            "sys.path.insert(0, '/mnt/data/lib')\nfrom deep import f",
            "f()",
            "6",
        ),
        (
            "import sys, types\nmade = types.ModuleType('made')\nexec('def g(): return 8', made.__dict__)\n"
            "sys.modules['made'] = made",
            "from made import g\ng(), made.g()",
            "(8, 8)",
        ),
        ("import re\nmatch = re.search(r'(\\d+) km', 'it is 12 km')", "match[1], match.span()", "('12', (6, 11))"),
        ("with open('/mnt/data/a.txt', 'w') as f: f.write('x')", "print(f.closed, f.name)", "True /mnt/data/a.txt"),
        ("from typing import NewType\nUserId = NewType('UserId', int)", "UserId(3)", "3"),
        ("from threading import Lock\nlock = Lock()", "with lock: print('held')", "held"),
        (
            "from enum import Enum\nfrom dataclasses import dataclass\nclass Colour(Enum): RED = 1\n@dataclass\n"
            "class Car:\n    c: Colour\n"
            "car = Car(Colour.RED)",
            "car.c is Colour.RED, car",
            "(True, Car(c=<Colour.RED: 1>))",
        ),
        (
            "import pandas as pd\nframe = pd.DataFrame({'a': [1]}); same = frame; part = frame['a']",
            "same is frame, part.iloc[0].item()",
            "(True, 1)",
        ),
        (
            "import os\nfor _ in range(100):\n    os.mkdir('d' * 50)\n    os.chdir('d' * 50)  # No path leads there.",
            "os.getcwd()",
            "'/mnt/data'",
        ),
        (
            "import numpy as np\na = np.arange(3.0); view = [a]",
            "a[0] = 5\nview[0][0].item(), view[0] is a",
            "(5.0, True)",
        ),
    ],
)
def test_a_variable_is_kept(environment: Environment, defined: str, used: str, printed: str) -> None:
    first, second, third = outputs(environment, f"rows = 42\n{defined}", f"print(rows)\n{used}", "rows")
    assert (first, second, third) == ("", f"42\n{printed}", "42")


@pytest.mark.parametrize(
    ("defined", "told"),
    [
        ("gone = (n for n in range(3))", "gone, a generator: TypeError: cannot pickle 'generator' object"),
        ("gone = open('/mnt/data/w.txt', 'w')", "gone, a TextIOWrapper: PicklingError: Cannot pickle files"),
        ("import sqlite3\ngone = sqlite3.connect(':memory:')", "gone, a Connection: TypeError: cannot pickle"),
        (
            "class Odd:\n    def __setstate__(self, state): raise ValueError('never again')\ngone = Odd(); gone.n = 1",
            "gone, a Odd: ValueError: never again",
        ),
        (
            "import os\nclass Deadly:\n    def __reduce__(self): return os._exit, (3,)\ngone = Deadly()",
            "gone, a Deadly: loading it ends the process",
        ),
        ("gone = bytes(11 << 20)", "gone, a bytes: too large (12 MB)"),
    ],
)
def test_a_variable_that_is_lost_is_named_once_with_the_reason_and_takes_no_other_along(
    environment: Environment, defined: str, told: str
) -> None:
    first, second, third = outputs(
        environment,
        f"before = 1\n{defined}\nafter = [before]",
        "print(before, after)\n'gone' in globals()",
        "1",
        session_mb=10,
    )
    assert first.startswith(f"[not kept for the next call: {told}")
    assert len(first.splitlines()) == 1
    assert (second, third) == ("1 [1]\nFalse", "1")


@pytest.mark.parametrize(
    "used",
    [
        "with open('/mnt/data/a.txt', 'w') as f: f.write('x')\nimport csv\nf = open('/mnt/data/a.txt')\n"
        "rows = csv.reader(f)\nf.close()",
        "import subprocess\nran = subprocess.Popen(['true'], stdout=subprocess.PIPE); ran.wait();",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool: list(pool.map(str, [1]))",
        "import pandas as pd\nwith pd.ExcelWriter('/mnt/data/a.xlsx') as book: pd.DataFrame([1]).to_excel(book)",
        "import zipfile\nwith zipfile.ZipFile('/mnt/data/a.zip', 'w') as z: z.writestr('a', 'b')",
        "import sqlite3\ndb = sqlite3.connect(':memory:'); rows = db.execute('select 1')\ndb.close()",
        "g = (n for n in [1])\nlist(g);",
    ],
)
def test_what_is_closed_or_used_up_is_not_mentioned(environment: Environment, used: str) -> None:
    assert outputs(environment, f"kept = 1\n{used}", "kept") == ["", "1"]


def test_a_variable_that_can_t_be_loaded_later_takes_no_other_along(environment: Environment) -> None:
    """A module of the code's own was replaced by a file without the class."""
    told = outputs(
        environment,
        "open('/mnt/data/own.py', 'w').write('class A: pass');\nimport own\nshared = [1]\n"
        "a = [own.A(), shared]\nb = ['b', shared]\n"
        "c = [a]\nimport numpy as np\nd = np.ones(3)\ne = [own.A]",
        "open('/mnt/data/own.py', 'w').write('');",
        "print(d.sum(), [name in globals() for name in 'abcde'])",
        "d.sum()",
    )
    assert told[:2] == ["", ""]
    assert told[2].splitlines()[0].startswith("[lost from the calls before: a, AttributeError: Can't get attribute 'A'")
    assert told[2].splitlines()[-1] == "3.0 [False, True, False, True, False]"
    assert told[3] == "np.float64(3.0)"


def test_what_a_process_holds_in_addition_to_variables(environment: Environment) -> None:
    told = outputs(
        environment,
        "import os, sys, random, warnings, decimal, locale\n"
        "import pandas as pd, numpy as np, matplotlib.pyplot as plt\n"
        "pd.set_option('display.max_columns', None); np.random.seed(42); random.seed(7)\n"
        "plt.rcParams['figure.figsize'] = [3, 2]; warnings.simplefilter('error', FutureWarning)\n"
        "decimal.getcontext().prec = 5; np.set_printoptions(precision=2)\n"
        "os.environ['COLOUR'] = 'red'; del os.environ['TZ']\n"
        "os.makedirs('/mnt/data/deep'); os.chdir('/mnt/data/deep')\n"
        "sys.path.insert(0, '/mnt/data/first'); sys.path.append('/mnt/data/last'); sys.setrecursionlimit(2000)",
        "print(pd.get_option('display.max_columns'), np.random.rand())\n"
        "print(random.random(), plt.rcParams['figure.figsize'])\n"
        "print(warnings.filters[0][:3:2], decimal.Decimal(1) / 3, np.array([1 / 3]))\n"
        "print(os.environ['COLOUR'], 'TZ' in os.environ, os.getcwd())\n"
        "print(sys.path[0], sys.path[-1], sys.getrecursionlimit())",
        "random.random(), np.random.rand(), os.getcwd()",
        "pd.reset_option('display.max_columns'); del pd, np, plt",
        "import numpy\nnumpy.random.rand()",
    )
    assert told[1].splitlines() == [
        "None 0.3745401188473625",
        "0.32383276483316237 [3.0, 2.0]",
        "('error', <class 'FutureWarning'>) 0.33333 [0.33]",
        "red False /mnt/data/deep",
        "/mnt/data/first /mnt/data/last 2000",
    ]
    assert told[2] == "(0.15084917392450192, 0.9507143064099162, '/mnt/data/deep')"
    assert told[4] == "0.7319939418114051"


def test_files_last_as_long_as_the_session(environment: Environment) -> None:
    temporary = "os.environ['TMPDIR']"
    told = outputs(
        environment,
        f"""
import os, pathlib, time
open({temporary} + "/a.csv", "w").write("x")
os.makedirs("/mnt/data/out/empty")
home = pathlib.Path.home()
(home / "in home.txt").write_text("h")
pathlib.Path("/mnt/data/.hidden").write_text("dot")
pathlib.Path("/mnt/data/run.sh").write_text("echo ran")
os.chmod("/mnt/data/run.sh", 0o750)
os.symlink("/mnt/data/run.sh", "/mnt/data/absolute")
os.symlink("run.sh", "/mnt/data/relative")
os.symlink("nowhere", "/mnt/data/dangling")
os.link("/mnt/data/run.sh", "/mnt/data/hard")
os.utime("/mnt/data/.hidden", (1_000_000_000, 1_000_000_000))
os.utime("/mnt/data/out/empty", (1_100_000_000, 1_100_000_000))
""",
        f"""
print(os.listdir({temporary}).count("a.csv"), os.path.isdir("/mnt/data/out/empty"), (home / "in home.txt").read_text())
print(open("/mnt/data/.hidden").read(), oct(os.stat("/mnt/data/run.sh").st_mode), os.path.getmtime("/mnt/data/.hidden"))
print(os.readlink("/mnt/data/relative"), open("/mnt/data/absolute").read(), os.path.lexists("/mnt/data/dangling"))
print(os.path.samefile("/mnt/data/hard", "/mnt/data/run.sh"), os.path.getmtime("/mnt/data/out/empty"))
print(home == pathlib.Path.home())
os.remove({temporary} + "/a.csv")
""",
        f"""
print(os.path.exists({temporary} + "/a.csv"), os.path.exists("/mnt/data/absolute"))
print(os.path.samefile("/mnt/data/hard", "/mnt/data/run.sh"))
""",
    )
    assert told == [
        "",
        "1 True h\ndot 0o100750 1000000000.0\nrun.sh echo ran True\nTrue 1100000000.0\nTrue",
        "False True\nTrue",
    ]
