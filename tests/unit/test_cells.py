"""Cells run as in a notebook: what models write for one works, and what it prints, shows and raises is fit to read."""

import textwrap

import pytest

from tests.support.sandboxes import Environment


def outputs(environment: Environment, *cells: str) -> list[str]:
    """Return what each cell of one session printed, without the last line's end."""
    return [ran.output.strip("\n") for ran in environment.session(*cells)]


def test_magics(environment: Environment) -> None:
    told = outputs(
        environment,
        "%matplotlib inline\n%config InlineBackend.figure_format = 'retina'\nprint('shown')",
        "%%writefile helper.py\nVALUE = 7",
        "%run helper.py\nVALUE",
        "%%time\nx = 3\nprint(x)",
        "\n%load_ext autoreload\n%autoreload 2\nimport helper\nhelper.VALUE",
        "%cd /tmp\n%env COLOUR=red\n%pwd",
        "%%bash\necho from bash\ncat /mnt/data/helper.py",
        "%%capture kept\nprint('captured')",
        "print(kept.stdout.strip())\n%who int",
        "%no_such_magic",
    )
    assert told[:3] == ["shown", "Writing helper.py", "7"]
    assert told[3].splitlines()[0] == "3"
    assert "Wall time" in told[3]
    assert told[4] == "7"
    assert told[5].splitlines()[-1] == "'/tmp'"
    assert told[6].splitlines() == ["from bash", "VALUE = 7"]
    assert told[7] == ""
    assert told[8].startswith("captured")
    assert told[9] == "UsageError: Line magic function `%no_such_magic` not found."


def test_commands_of_the_shell(environment: Environment) -> None:
    told = outputs(
        environment,
        "name = 'a b.txt'\n!echo one > /mnt/data/first.txt\n!ls /mnt/data\n!echo '{name}' $name {1 + 1}",
        "lines = !cat /mnt/data/first.txt; echo two\nprint(lines, lines.n)",
        "!python -c \"print(open('/mnt/data/first.txt').read())\"\n!exit 3\n_exit_code",
        "for word in ['x', 'y']:\n    !echo {word}",
    )
    assert told == ["first.txt\na b.txt a b.txt 2", "['one', 'two'] one\ntwo", "one\n\n3", "x\ny"]


NO_PACKAGES = "[no package can be installed: the sandbox has no network. Use one that is there already.]"


@pytest.mark.parametrize(
    "install", ["!pip install x", "%pip install -q x", "!python3 -m pip install x", "%conda install x"]
)
def test_an_installation_says_at_once_that_there_is_no_network(environment: Environment, install: str) -> None:
    [told] = outputs(environment, f"{install}\nprint('went on')")
    assert told == f"{NO_PACKAGES}\nwent on"


def test_await_at_the_top_of_a_cell(environment: Environment) -> None:
    told = outputs(
        environment,
        "import asyncio\nawait asyncio.sleep(0)\n'slept'",
        "async def double(n):\n    await asyncio.sleep(0)\n    return 2 * n\n"
        "await asyncio.gather(*map(double, [1, 2]))",
        "async for_nothing = 1",
        "async def many():\n    for n in range(3):\n        yield n\n[n async for n in many()]",
        "asyncio.run(double(4))",
        "await double('x') + 1",
    )
    assert told[0] == "'slept'"
    assert told[1] == "[2, 4]"
    assert "SyntaxError" in told[2]
    assert told[3:5] == ["[0, 1, 2]", "8"]
    assert told[5].splitlines()[:2] == ["Traceback (most recent call last):", '  File "<cell 6>", line 1, in <module>']


def test_the_last_value_is_shown_unless_a_semicolon_hides_it(environment: Environment) -> None:
    told = outputs(environment, "1 + 1;", "1 + 1 ;  # two", "x = 'a;'; x", "None", "if True:\n    3", "_", "5\n6")
    assert told == ["", "", "'a;'", "", "", "'a;'", "6"]


def test_pictures_are_shown_and_frames_are_text(environment: Environment) -> None:
    ran = environment.session(
        "import matplotlib.pyplot as plt\nfig = plt.figure(); plt.plot([1]); display(fig); plt.close('all')",
        "fig, ax = plt.subplots(); ax.plot([1, 2])\nfig",
        "plt.plot([3, 1]);",
        "from PIL import Image\npicture = Image.new('RGB', (30, 20), 'red')\npicture",
        "from IPython.display import Image as Shown, HTML, Markdown\npicture.save('/mnt/data/p.jpg')\n"
        "display(Shown('/mnt/data/p.jpg'))",
        "import pandas as pd\nframe = pd.DataFrame({'a': [1, 2]})\ndisplay(frame, 'text')\nframe",
        "display(HTML('<h1>Head</h1><table><tr><td>1</td><td>2</td></tr></table><script>x</script>'))\n"
        "Markdown('**bold**')",
        "import matplotlib\nmatplotlib.use('Agg')\nplt.plot([1, 2])\nplt.show()",
    )
    assert [len(one.pictures) for one in ran] == [1, 1, 1, 1, 1, 0, 0, 1]
    assert [one.output for one in ran[:5]] == ["", "", "", "", ""]
    frame = "   a\n0  1\n1  2"
    assert ran[5].output == f"{frame}\n'text'\n{frame}\n"
    assert ran[6].output == "Head\n1 2\n**bold**\n"


@pytest.mark.parametrize(
    ("ends", "printed"),
    [
        ("import sys; sys.exit(\"column 'price' is missing\")", "column 'price' is missing"),
        ("raise SystemExit({'rows': 0})", "{'rows': 0}"),
        ("exit('no rows')", "no rows"),
        ("import sys; sys.exit()", ""),
        ("import sys; sys.exit(1)", ""),
        ("quit()", ""),
    ],
)
def test_an_exit_says_its_message_and_ends_the_cell(environment: Environment, ends: str, printed: str) -> None:
    assert outputs(environment, f"kept = 1\n{ends}\nprint('not reached')", "kept") == [printed, "1"]


def test_a_traceback_begins_in_the_cell_and_shows_each_cell_s_own_lines(environment: Environment) -> None:
    told = outputs(
        environment,
        "def ratio(a, b):\n    c = a - b\n    return a / c\nclass Table:\n    def rows(self): return ratio(2, 2)",
        "x = 'innocent 1'\ny = 'innocent 2'\nz = 'innocent 3'\nratio(1, 1)",
        "import inspect\nprint(inspect.getsource(ratio))\nTable().rows()",
        "import json\njson.loads('{')",
        "try:\n    ratio(1, 1)\nexcept ZeroDivisionError as error:\n    raise ValueError('no ratio') from error",
        "%time ratio(1, 1)",
    )
    frame = (
        '  File "<cell 1>", line 3, in ratio\n    return a / c\n           ~~^~~\nZeroDivisionError: division by zero'
    )
    assert told[1] == (
        f'Traceback (most recent call last):\n  File "<cell 2>", line 4, in <module>\n    ratio(1, 1)\n{frame}'
    )
    assert told[2].startswith("def ratio(a, b):\n    c = a - b\n    return a / c\n")
    assert told[2].endswith(frame)
    assert told[3].splitlines()[1:3] == ['  File "<cell 4>", line 2, in <module>', "    json.loads('{')"]
    assert frame in told[4]
    assert told[4].endswith("ValueError: no ratio")
    assert told[5].endswith(frame)
    assert "IPython" not in "".join(told)
    assert "interpreter/" not in "".join(told)


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (
            'if True print("b")',
            '  File "<cell 1>", line 1\n    if True print("b")\n            ^^^^^\nSyntaxError: invalid syntax',
        ),
        ("x = 1\n  y = 2", '  File "<cell 1>", line 2\n    y = 2\nIndentationError: unexpected indent'),
        ("print('a'\n", "SyntaxError: '(' was never closed"),
        ("return 1", "SyntaxError: 'return' outside function"),
    ],
)
def test_a_syntax_error_shows_the_line_and_no_frame(environment: Environment, cell: str, told: str) -> None:
    [output] = outputs(environment, cell)
    assert output.endswith(told)
    assert "Traceback" not in output
    assert ".py" not in output


def test_questions_and_helpers_of_notebooks(environment: Environment) -> None:
    told = outputs(
        environment,
        textwrap.dedent(
            '''
            def area(side):
                """Square the side."""
                return side**2
            '''
        ),
        "area?",
        "from IPython.display import clear_output\nprint('kept')\nclear_output(wait=True)",
        "input('name: ')",
        "get_ipython().run_line_magic('precision', '2')\n3.14159",
    )
    assert "Square the side." in told[1]
    assert told[2] == "kept"
    assert told[3].endswith("EOFError: EOF when reading a line")
    assert told[4] == "3.14"
