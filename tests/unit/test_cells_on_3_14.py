"""Cells and sessions on CPython 3.14, the Python of Lambda, as far as WebAssembly carries them.

It has neither processes nor threads, and no numpy: what they need (`!`, the template, the trial of a variable in a copy
of the process, figures) is tested on the machine's Python alone.
"""

from layers.build import CACHE, ROOT
from tests.support.python_3_14 import run_on_3_14

SCRIPT = """
import os, sys, types
sys.path[:0] = ["/sandbox", "/layer"]
os.environ.update(SANDBOX_FIGURES="/tmp/figures")
os.makedirs("/tmp/figures", exist_ok=True)
from interpreter import shell, state
from interpreter.session import Session
from pathlib import Path

made = shell.create()
file = Path("/tmp/variables")

def call(code, *, is_next=True):
    namespace = made.user_ns
    if is_next:
        for name in [name for name in namespace if name not in made.user_ns_hidden and not name.startswith("__")]:
            del namespace[name]
    session = Session(file, made)
    session.restore()
    made.run(code)
    session.keep(10_000_000)
    print("--")

"""
CALLS = '''
call("""x = 42
from functools import lru_cache
@lru_cache(None)
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def ratio(a, b):
    return a / b
gone = (n for n in [])
import re, random, warnings
match = re.search("b+", "abbc"); random.seed(7); warnings.simplefilter("error", FutureWarning)
with open("/tmp/a.txt", "w") as f: f.write("x")""")
call("print(x, fib(30), match[0], random.random(), f.closed, warnings.filters[0][2].__name__)\\nx;")
call("ratio(1, 0)")
call("import sys\\nsys.exit('no rows')")
call('if True print("b")')
call("print(x")
call("%no_such_magic")
'''


def test_cells_and_sessions() -> None:
    printed = run_on_3_14(
        SCRIPT + CALLS,
        {
            "/sandbox": ROOT / "lambdas" / "tools" / "code_interpreter" / "sandbox",
            "/layer": CACHE / "host" / "python_data" / "python",
        },
    )
    told = [part.strip("\n") for part in printed.split("--\n")]
    assert told[0] == "[not kept for the next call: gone, a generator: TypeError: cannot pickle 'generator' object]"
    assert told[1] == "42 832040 bb 0.32383276483316237 True FutureWarning"
    assert told[2].splitlines()[:3] == [
        "Traceback (most recent call last):",
        '  File "<cell 3>", line 1, in <module>',
        "    ratio(1, 0)",
    ]
    assert '  File "<cell 1>", line 6, in ratio\n    return a / b' in told[2]
    assert told[3] == "no rows"
    assert told[4].startswith('  File "<cell 5>", line 1\n    if True print("b")')
    assert told[5].endswith("SyntaxError: '(' was never closed")
    assert told[6] == "UsageError: Line magic function `%no_such_magic` not found."
