"""No call of Python or of a C library sees another path than /mnt/data, on any Python of this machine."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from layers.build import CACHE, build

PREAMBLE = """
import ctypes, glob, importlib, io, os, pathlib, runpy, shutil, sqlite3, subprocess, sys, tempfile, zipfile
from pathlib import Path
os.chdir("/mnt/data")
open("/mnt/data/a.csv", "w").write("x")
os.makedirs("/mnt/data/d/e")
libc = ctypes.CDLL(None)
def started(*command, **more):
    return subprocess.run(*command, capture_output=True, text=True, **more).stdout.strip()
"""

CODES = {
    "scandir": ("print(sorted(e.path for e in os.scandir('/mnt/data')))", "['/mnt/data/a.csv', '/mnt/data/d']"),
    "walk": (
        "print([t for t, _, _ in os.walk('/mnt/data')], [t for t, _, _ in os.walk('/mnt/data', topdown=False)])",
        "['/mnt/data', '/mnt/data/d', '/mnt/data/d/e'] ['/mnt/data/d/e', '/mnt/data/d', '/mnt/data']",
    ),
    "fwalk": ("print([t for t, _, _, _ in os.fwalk('/mnt/data')][1:])", "['/mnt/data/d', '/mnt/data/d/e']"),
    "working directory": ("print(os.getcwd(), os.getcwdb(), Path.cwd())", "/mnt/data b'/mnt/data' /mnt/data"),
    "a working directory that no path leads to": (
        "for _ in range(100): os.mkdir('d' * 50); os.chdir('d' * 50)\n"
        "try: os.getcwd()\nexcept OSError as e: print(e.strerror)",
        "File name too long",
    ),
    "glob": (
        "print(next(Path('/mnt/data').glob('*.csv')).relative_to('/mnt/data'),"
        " sorted(map(str, Path('/mnt/data').rglob('*'))), glob.glob('/mnt/data/**/e', recursive=True))",
        "a.csv ['/mnt/data/a.csv', '/mnt/data/d', '/mnt/data/d/e'] ['/mnt/data/d/e']",
    ),
    "pathlib": (
        "p = Path('/mnt/data/d/f.txt'); p.write_text('1'); p.rename('/mnt/data/g.txt')\n"
        "print(Path('g.txt').absolute(), Path('g.txt').resolve(), list(Path('/mnt/data/d').iterdir()),"
        " Path('/mnt/data/g.txt').samefile('g.txt'), Path('/mnt//data/./g.txt').read_text())",
        "/mnt/data/g.txt /mnt/data/g.txt [PosixPath('/mnt/data/d/e')] True 1",
    ),
    "links": (
        "os.symlink('/mnt/data/a.csv', 'link'); os.link('/mnt/data/a.csv', '/mnt/data/hard')\n"
        "print(os.readlink('link'), os.path.realpath('link'), Path('link').resolve(), open('/mnt/data/link').read(),"
        " Path('/mnt/data/link').readlink(), os.stat('/mnt/data/hard').st_nlink)",
        "/mnt/data/a.csv /mnt/data/a.csv /mnt/data/a.csv x /mnt/data/a.csv 2",
    ),
    "proc": (
        "f = open('a.csv'); print(os.readlink(f'/proc/self/fd/{f.fileno()}'), os.readlink('/proc/self/cwd'))",
        "/mnt/data/a.csv /mnt/data",
    ),
    "errors": (
        "for attempt in (lambda: open('/mnt/data/none'), lambda: os.rename('/mnt/data/no', '/mnt/data/n'),"
        " lambda: shutil.rmtree('/mnt/data/none'), lambda: sqlite3.connect('/mnt/data/none/db')):\n"
        "    try: attempt()\n    except OSError as e: print(e.filename, e.filename2)\n"
        "    except sqlite3.Error as e: print(e)",
        "/mnt/data/none None\n/mnt/data/no /mnt/data/n\n/mnt/data/none None\nunable to open database file",
    ),
    "bytes and descriptors": (
        "d = os.open(b'/mnt/data', os.O_RDONLY); print(sorted(os.listdir(d)), os.stat('a.csv', dir_fd=d).st_size,"
        " sorted(os.listdir(b'/mnt/data')))",
        "['a.csv', 'd'] 1 [b'a.csv', b'd']",
    ),
    "modules": (
        "Path('/mnt/data/own.py').write_text('N = __file__'); sys.path.insert(0, '/mnt/data')\nimport own, inspect\n"
        "print(own.N, own.__spec__.origin, inspect.getsourcefile(own), importlib.reload(own).N)",
        "/mnt/data/own.py /mnt/data/own.py /mnt/data/own.py /mnt/data/own.py",
    ),
    "zip archives": (
        "with zipfile.ZipFile('/mnt/data/z.zip', 'w') as z:\n"
        "    z.writestr('zipped.py', 'N = __file__'); z.writestr('__main__.py', 'print(__file__)')\n"
        "sys.path.insert(0, '/mnt/data/z.zip')\nimport zipped, zipimport\nprint(zipped.N)\n"
        "runpy.run_path('/mnt/data/z.zip'); print(zipimport.zipimporter('/mnt/data/z.zip').get_filename('zipped'))",
        "/mnt/data/z.zip/zipped.py\n/mnt/data/z.zip/__main__.py\n/mnt/data/z.zip/zipped.py",
    ),
    "runpy": (
        "Path('/mnt/data/run.py').write_text('print(__file__)'); runpy.run_path('/mnt/data/run.py')\n"
        "print(started([sys.executable, '/mnt/data/run.py']), started([sys.executable, '-m', 'run']))",
        "/mnt/data/run.py\n/mnt/data/run.py /mnt/data/run.py",
    ),
    "io": (
        "print(*[opened('/mnt/data/a.csv').name for opened in (io.open, io.FileIO, io.open_code)])",
        "/mnt/data/a.csv /mnt/data/a.csv /mnt/data/a.csv",
    ),
    "temporary files": (
        "print(*[os.path.dirname(p) for p in (tempfile.mkdtemp(dir='/mnt/data'), tempfile.mkstemp(dir='/mnt/data')[1],"
        " tempfile.NamedTemporaryFile(dir='/mnt/data').name)])",
        "/mnt/data /mnt/data /mnt/data",
    ),
    "sqlite": (
        "c = sqlite3.connect('/mnt/data/x.db'); c.execute(\"attach '/mnt/data/y.db' as y\")\n"
        "c.execute('create table y.t(a)'); c.commit(); c.execute(\"vacuum main into '/mnt/data/z.db'\")\n"
        "u = sqlite3.connect('file:/mnt/data/y.db?mode=ro', uri=True)\n"
        "print([row[2] for row in c.execute('pragma database_list')], u.execute('select count(*) from t').fetchone(),"
        " os.path.exists('/mnt/data/z.db'))",
        "['/mnt/data/x.db', '/mnt/data/y.db'] (0,) True",
    ),
    "C library": (
        "libc.realpath.restype = libc.getcwd.restype = ctypes.c_char_p\n"
        "name = ctypes.create_string_buffer(b'/mnt/data/tXXXXXX'); place = ctypes.create_string_buffer(64)\n"
        "print(libc.realpath(b'/mnt/data/../data/a.csv', None), libc.access(b'/mnt/data/a.csv', 0),"
        " libc.mkstemp(name) > 0, os.path.exists(name.value), name.value[:11], libc.getcwd(place, 64))",
        "b'/mnt/data/a.csv' 0 True True b'/mnt/data/t' b'/mnt/data'",
    ),
    "shell": (
        "Path('/mnt/data/s.sh').write_text('cat /mnt/data/a.csv; cd /mnt/data/d; pwd; pwd -P')\n"
        "print(started('cat /mnt/data/a.csv; sh /mnt/data/s.sh; ls /mnt/data/d; find /mnt/data -name e', shell=True))",
        "xx/mnt/data/d\n/mnt/data/d\ne\n/mnt/data/d/e",
    ),
    "programs": (
        "print(started(['realpath', '.']), started(['ls', '/mnt/data'], cwd='/mnt/data/d'),"
        " started([sys.executable, '-c', 'import os; print(os.getcwd(), os.listdir(\"/mnt/data/d\"))'], env={}),"
        " os.popen('pwd').read().strip(), os.system('test -e /mnt/data/a.csv'))",
        "/mnt/data a.csv\nd /mnt/data ['e'] /mnt/data 0",
    ),
    "a script of its own": (
        "Path('/mnt/data/s').write_text('#!/bin/sh\\npwd'); os.chmod('/mnt/data/s', 0o755)\n"
        "print(started(['/mnt/data/s']), started(['./s'], cwd='/mnt/data'), os.access('/mnt/data/s', os.X_OK))",
        "/mnt/data /mnt/data True",
    ),
    "other folders": (
        "os.chdir('/'); print(os.getcwd(), os.path.exists('/mnt/database'), os.path.exists('/mnt/data'),"
        " os.path.exists('/tmp/mnt/data'), os.path.realpath('/usr/../mnt/data/d'))",
        "/ False True False /mnt/data/d",
    ),
}


def pythons() -> list[str]:
    """Find the interpreters to try: this one, and those of newer releases, on the path or where pyenv keeps them."""
    found = [sys.executable]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for minor in range(sys.version_info.minor + 1, 16):
        name = f"python3.{minor}"
        folders = [path.parent for path in versions.glob(f"*/bin/{name}")]
        places = (shutil.which(name, path=str(folder)) for folder in [*folders, *os.get_exec_path()])
        for program in filter(None, places):
            if subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0:
                found.append(program)
                break
    return found


@pytest.fixture(scope="module", autouse=True)
def library() -> Path:
    """The folder of the library to preload."""
    build("host")
    return CACHE / "host" / "python_data" / "python"


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("name", CODES)
def test_every_path_is_below_mnt_data(tmp_path: Path, library: Path, python: str, name: str) -> None:
    folder = tmp_path / "a folder, with a space" / "data"
    folder.mkdir(parents=True)
    shutil.copy(library / "libmnt_data.so", folder.parent)
    code, expected = CODES[name]
    environment = {
        "PATH": os.environ["PATH"],
        "SANDBOX_DATA": str(folder),
        "LD_LIBRARY_PATH": str(folder.parent),
        "LD_PRELOAD": "libmnt_data.so",
    }
    command = [python, "-c", PREAMBLE + textwrap.dedent(code)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (ran.stdout.strip(), ran.stderr) == (expected, "")


def test_the_library_for_lambda_wraps_the_same_functions(library: Path) -> None:
    """It can't be loaded here; what it defines is read from it."""
    build("lambda")
    deployed = CACHE / "lambda" / "python_data" / "python" / "libmnt_data.so"
    assert deployed.read_bytes()[18:20] == (183).to_bytes(2, "little")  # EM_AARCH64
    for wrapped in (b"openat", b"statx", b"fopen64", b"dlopen", b"execve", b"posix_spawn", b"readlink", b"getcwd"):
        assert b"\0" + wrapped + b"\0" in deployed.read_bytes()
        assert b"\0" + wrapped + b"\0" in (library / "libmnt_data.so").read_bytes()
