"""`make setup` in a scratch copy: whatever goes wrong is one line, and the next try works.

Python, pip and make are real. uv and npm are programs of a few lines, so that nothing is downloaded.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = """#!python
import os, sys, time
from pathlib import Path

print(os.environ.get("UV_SAYS", ""), file=sys.stderr)
time.sleep(float(os.environ.get("UV_SECONDS", 0)))
with open("uv.log", "a") as log:
    log.write(os.environ.get("UV_DEFAULT_INDEX", "") + "\\n")
if os.environ.get("UV_SAYS"):
    sys.exit(2)
npm = Path(".venv/bin/npm")
npm.write_text("#!/bin/sh\\nsleep ${UV_SECONDS:-0}; mkdir -p node_modules/aws-cdk\\n")
npm.chmod(0o755)
next(Path(".venv/lib").glob("python*/site-packages")).joinpath("rich").mkdir(exist_ok=True)
"""
TOOLS = ("cat", "cksum", "dirname", "env", "find", "make", "mkdir", "mv", "pwd", "rm", "sed", "sh", "sleep", "touch")
NEW_ENOUGH = '*version_info\\ \\<*) exit 0 ;; *print*) echo 3.12 ;; *) echo "No module named venv" >&2; exit 1 ;;'
TOO_OLD = "*print*) echo 3.9 ;; *) exit 1 ;;"

SET_UP = [shutil.which("make") or "make", "--no-print-directory", "setup"]
SetUp = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package uv."""
    folder = tmp_path_factory.mktemp("wheels")
    with zipfile.ZipFile(folder / "uv-0.1-py3-none-any.whl", "w") as wheel:
        program = zipfile.ZipInfo("uv-0.1.data/scripts/uv")
        program.external_attr = 0o100755 << 16
        wheel.writestr(program, UV)
        wheel.writestr("uv-0.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 0.1\n")
        wheel.writestr("uv-0.1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("uv-0.1.dist-info/RECORD", "")
    return folder


@pytest.fixture
def project(tmp_path: Path, wheels: Path) -> Path:
    """A clean clone."""
    return clone(tmp_path / "clone", wheels)


def clone(folder: Path, wheels: Path) -> Path:
    [wheel] = wheels.iterdir()
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    for name in ("scripts", "local"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copy(ROOT / "scripts" / "set_up.sh", folder / "scripts")
    (folder / "local" / "requirements.txt").write_text(f"rich==1.0\nuv==0.1 \\\n    --hash=sha256:{digest}\n")
    (folder / "package-lock.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This interpreter; of the environments that it makes, all but the first are copies, which takes no seconds.

    Copies share pip, a thousand files, by links to it: each would take a quarter of a second otherwise.
    """
    folder = tmp_path_factory.mktemp("python")
    subprocess.run([sys.executable, "-m", "venv", folder / "made"], check=True)
    [packages] = (folder / "made" / "lib").glob("python*/site-packages")
    shared = packages.rename(folder / "packages")
    packages.mkdir()
    for package in shared.iterdir():
        (packages / package.name).symlink_to(package)
    program = folder / "python3"
    program.write_text(
        f"""#!/bin/sh
[ "$*" != "-m venv .venv" ] || exec cp -R {folder}/made/. .venv
exec {sys.executable} "$@"
"""
    )
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def environment(wheels: Path, python: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PIP_", "UV_"))}
    return {**kept, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PYTHON": str(python)}


@pytest.fixture
def set_up(project: Path, environment: dict[str, str]) -> SetUp:
    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            SET_UP,
            cwd=project,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module", autouse=True)
def meanwhile(
    tmp_path_factory: pytest.TempPathFactory, wheels: Path, environment: dict[str, str]
) -> Iterator[Future[None]]:
    """Interrupt set-ups in the background, and return the future. A test of its own waits for it."""
    project = clone(tmp_path_factory.mktemp("interrupted") / "clone", wheels)
    # What a shell starts in the background is deaf to Ctrl-C, and so is all that it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(is_interrupted, project, environment)
    signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def is_set_up(project: Path) -> bool:
    runs = subprocess.run([project / ".venv/bin/python", "-c", ""], check=False).returncode == 0
    return runs and (project / "node_modules" / "aws-cdk").is_dir() and not (project / ".venv/.unfinished").exists()


def line(ran: subprocess.CompletedProcess[str]) -> str:
    """The one line that a set-up that fails says, in addition to make's own."""
    assert ran.returncode != 0
    said = [each for each in ran.stderr.splitlines() if not each.startswith("make: ***")]
    assert len(said) == 1, ran.stderr
    return said[0]


def test_a_second_set_up_has_nothing_to_do(project: Path, set_up: SetUp) -> None:
    first = set_up(PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert (first.returncode, first.stderr) == (0, "")
    assert is_set_up(project)
    assert (project / "uv.log").read_text() == "http://127.0.0.1:9/simple\n"
    second = set_up()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    # Other packages are added to what is there.
    with (project / "local" / "requirements.txt").open("a") as requirements:
        requirements.write("boto3==1.0\n")
    third = set_up()
    assert (third.returncode, third.stdout) == (0, "Bringing .venv up to date\n")
    assert len((project / "uv.log").read_text().splitlines()) == 2


def test_a_python_that_does_not_do_is_named(project: Path, set_up: SetUp, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in TOOLS:
        (programs / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    assert "Python 3.11 or newer is needed (found none" in line(set_up(PATH=str(programs), PYTHON=""))
    for python, said in ((TOO_OLD, "is needed (python3 is 3.9, "), (NEW_ENOUGH, "python3 has no venv module")):
        (programs / "python3").write_text(f'#!/bin/sh\ncase "$*" in {python} esac\n')
        (programs / "python3").chmod(0o755)
        assert said in line(set_up(PATH=str(programs), PYTHON=""))
    assert set_up().returncode == 0
    assert is_set_up(project)


def test_the_distribution_s_python_comes_first(project: Path, set_up: SetUp, tmp_path: Path) -> None:
    other = tmp_path / "bin" / "python3.13"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\n[ "$1" != -m ] || touch {tmp_path}/was-taken\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    own = ["/usr/bin/python3", "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"]
    does = Path(own[0]).exists() and subprocess.run(own, capture_output=True, check=False).returncode == 0
    assert set_up(PATH=f"{other.parent}:/usr/bin:/bin", PYTHON="").returncode == 0
    assert is_set_up(project)
    assert (tmp_path / "was-taken").exists() == (not does)


def test_without_a_network_the_set_up_says_so(project: Path, set_up: SetUp) -> None:
    nowhere = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    assert "package index can't be reached" in line(set_up(**nowhere))
    assert "package index can't be reached" in line(set_up(UV_SAYS="error: Failed to fetch: `http://x/simple/rich/`"))
    assert set_up().returncode == 0
    assert is_set_up(project)


def test_what_a_program_complains_of_is_told_in_one_line(project: Path, set_up: SetUp) -> None:
    for said, told in (
        ("error: failed to write: No space left on device (os error 28)", "The disk is full"),
        ("error: failed to open /root/.cache/uv: Permission denied (os error 13)", "can't be written to"),
        ("error: Failed to create cache: Read-only file system (os error 30)", "can't be written to"),
        ("error: something else", "The set-up failed at `.venv/bin/uv pip install"),
    ):
        assert told in line(set_up(UV_SAYS=said))
        assert said in (project / ".build" / "set-up.log").read_text()
    assert set_up().returncode == 0
    assert is_set_up(project)


def break_python(project: Path) -> None:
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to("/nowhere/python3")


def lose_a_package(project: Path) -> None:
    shutil.rmtree(next((project / ".venv").rglob("site-packages/rich")))


def lose_everything(project: Path) -> None:
    shutil.rmtree(project / ".venv" / "lib")


def leave_a_file(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    (project / ".venv").write_text("no folder")


def leave_half_of_it(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "pyvenv.cfg").write_text("home = /nowhere\n")


def move(project: Path) -> None:
    (project / ".venv" / ".place").write_text("/elsewhere/.venv\n")


def test_a_broken_environment_is_made_anew(project: Path, set_up: SetUp) -> None:
    for breaking in (None, break_python, lose_a_package, lose_everything, leave_a_file, leave_half_of_it, move):
        if breaking:
            breaking(project)
        ran = set_up()
        assert (ran.returncode, ran.stderr) == (0, ""), breaking
        assert is_set_up(project), breaking
        assert ("Making .venv anew" in ran.stdout) == bool(breaking), breaking
    assert list((project / ".build").glob("old-venv*")) == []


def test_an_environment_that_was_made_for_deploying_is_added_to(
    project: Path, set_up: SetUp, environment: dict[str, str]
) -> None:
    subprocess.run([environment["PYTHON"], "-m", "venv", ".venv"], cwd=project, check=True)
    mark = project / ".venv" / "bin" / "somebody-s"
    mark.touch()
    ran = set_up()
    assert ran.returncode == 0
    assert "Adding to .venv" in ran.stdout
    assert is_set_up(project)
    assert mark.exists()


def is_interrupted(project: Path, environment: dict[str, str]) -> None:
    """Ctrl-C at any moment leaves nothing that stops the next try."""
    for moment in (0.05, 0.3, 0.8, 1.5, 3.0, 5.0):
        running = subprocess.Popen(
            SET_UP,
            cwd=project,
            env=environment | {"UV_SECONDS": "3"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        time.sleep(moment)
        os.killpg(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=60)
        assert running.returncode != 0, (moment, said)
        assert "Traceback" not in said, (moment, said)
    assert subprocess.run(SET_UP, cwd=project, env=environment, check=False).returncode == 0
    assert is_set_up(project)


def test_ctrl_c_at_any_moment_leaves_nothing_that_stops_the_next_try(meanwhile: Future[None]) -> None:
    meanwhile.result()
