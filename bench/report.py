"""Makes the tables and plots of docs/performance.md, and the README's figures: all that stands between marks."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench import before, cold_start, extraction, scale, simulation, streaming, waiting
from bench.prices import PRICES, READ_ON, REGION
from layers.build import ROOT

Json = dict[str, Any]

PAGE = ROOT / "docs" / "performance.md"
PLOTS = ROOT / "docs" / "performance"
README = ROOT / "README.md"
BLUE, GREEN, ORANGE, GREY = "#2563a8", "#3a8f5c", "#d9822b", "#b8bec7"
MAX_POLLED_RATIO, MAX_STREAMED_RATIO = 1.2, 1.1
"""Limits of a run's time as its client sees it, divided by the model's own, for a model of 1 s."""

LEAST_FOUND = 0.9
"""Share of the questions whose document is among the first results of the hybrid search."""

WAYS = {"this stack": BLUE, "polling loop": ORANGE, "blocking Lambda": GREY}


def write(results: Json) -> None:
    """Write the pages' tables, and the plots."""
    for path, blocks in pages(results).items():
        path.write_text(filled(path.read_text(), blocks))
    PLOTS.mkdir(exist_ok=True)
    # Without these, the same figures would make another file each time.
    mpl.rcParams.update({"svg.hashsalt": "performance", "svg.fonttype": "none", "font.size": 9})
    plot_rivals(results["costs"]["figures"]["rivals"])
    plot_overhead(results["overhead"]["figures"]["answers"])
    plot_growth(results["growth"]["figures"])
    waiting.plot(results["waiting"]["figures"], PLOTS)


def pages(results: Json) -> dict[Path, dict[str, str]]:
    """Return what each page shows of these results: text by the mark that it stands behind."""
    figures = {name: part["figures"] for name, part in results.items()}
    page = {
        "measured on": measured_on(results),
        "kinds of runs": kinds(figures["costs"]["runs"]),
        "rivals": rivals(figures["costs"]["rivals"]),
        "prices": prices(),
        "before": before.table(figures["costs"]["rivals"]),
        "turns": waiting.turns_table(figures["waiting"]),
        "polls": waiting.ways_table(figures["waiting"]),
        "overhead": overhead(figures["overhead"]),
        "growth": growth(figures["growth"]),
        "at once": at_once(figures["at_once"]),
        "functions": functions(figures["cold_start"]),
        "layers": layers(figures["cold_start"]["layers"]),
        "file search": search(figures["file_search"]),
        "extraction": extraction.table(figures["extraction"]),
        "scale": scale.table(figures["costs"]["rivals"]),
        "simulation": simulation.table(figures["costs"]["rivals"]),
    }
    if "streaming" in figures:
        page["streaming"] = streaming.table(figures["streaming"])
    return {PAGE: page, README: {"figures": in_short(figures)}}


def filled(text: str, blocks: dict[str, str]) -> str:
    """A page with each text between its mark and the next `<!-- end -->`."""
    for name, block in blocks.items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        assert mark and end, f"there is no place for {name!r}"
        text = f"{before}{mark}{block}\n{end}{after}"
    return text


def in_short(figures: Json) -> str:
    """The main figures in a paragraph."""
    cost = {row["run"]: total(row) for row in figures["costs"]["runs"]}
    ratio = {row["model_seconds"]: row["ratio"] for row in figures["overhead"]["answers"]}
    units = [row["read_units"] + row["write_units"] for row in figures["growth"] if row["strategy"] != "auto"]
    told = (
        f"Excluding model charges, 1,000 plain answers cost ${cost['plain answer']:.2f} through the API, or"
        f" ${cost['one server-side call']:.2f} with one tool call, if each model call takes 1 s. On the embedded AWS, a"
        f" run takes {ratio[1.0]:.2f} times as long as its model if that takes 1 s, and {ratio[5.0]:.2f} times if it"
        f" takes 5 s. With `last_messages: 10`, a run uses {units[0]:g} read and write units on a thread of 10 messages"
        f" and {units[-1]:g} on one of 10,000."
    )
    return textwrap.fill(told, 140)


def broken(results: Json) -> list[str]:
    """Return what was promised and does not hold by these results."""
    figures = {name: part["figures"] for name, part in results.items()}
    found = []
    overhead = figures["overhead"]
    for how, most in (("answers", MAX_POLLED_RATIO), ("streamed", MAX_STREAMED_RATIO)):
        for ratio in (row["ratio"] for row in overhead[how] if row["model_seconds"] == 1):
            if ratio > most:
                found.append(f"A run ({how}) takes {ratio:.2f} times as long as a model of 1 s, more than {most}.")
    for strategy, shortest in (("last_messages: 10", 10), ("auto", 1_000)):
        rows = [row for row in figures["growth"] if row["strategy"] == strategy and row["messages"] >= shortest]
        for name in ("transitions", "read_units", "write_units", "model_bytes"):
            values = [row[name] for row in rows]
            if max(values) > 1.1 * min(values):
                found.append(f"With {strategy}, {name} grow with the thread: {values}.")
    hybrid = figures["file_search"]["rankings"][0]
    if hybrid["top"] < LEAST_FOUND:
        found.append(f"The hybrid search finds {hybrid['top']:.1%}, less than {LEAST_FOUND:.0%}.")
    if "streaming" in figures:
        found += streaming.broken(figures["streaming"])
    return [*found, *cold_start.broken(figures["cold_start"]), *extraction.broken(figures["extraction"])]


def as_table(head: Sequence[str], rows: Iterable[Sequence[Any]], text_columns: int = 1) -> str:
    """A table in Markdown; numbers to the right."""
    marks = ["---" if index < text_columns else "--:" for index in range(len(head))]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, marks, *rows))


def measured_on(results: Json) -> str:
    """Return which machine, and when."""
    machine = next(iter(results.values()))["machine"]
    days = [part["machine"]["date"] for part in results.values()]
    dates = " to ".join(dict.fromkeys((min(days), max(days))))
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{dates}: {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}; "
        f"{versions}."
    )


def total(row: Json) -> float:
    """US dollars for 1,000."""
    return float(sum(row["dollars"].values()))


def kinds(runs: list[Json]) -> str:
    """Return what each kind of run takes."""
    head = [
        "run",
        "transitions",
        "invocations",
        "billed ms",
        "read units",
        "write units",
        "HTTP requests",
        "$ for 1,000",
    ]
    return as_table(
        head,
        (
            [
                row["run"],
                row["transitions"],
                row["invocations"],
                f"{row['billed_ms']:,}",
                f"{row['read_units']:g}",
                f"{row['write_units']:g}",
                row["api_requests"],
                f"**{total(row):.3f}**",
            ]
            for row in runs
        ),
    )


def rivals(rows: list[Json]) -> str:
    """The same run in three ways."""
    head = ["run", "model", "way", "seconds", "transitions", "invocations", "billed ms", "units", "$ for 1,000"]
    return as_table(
        head,
        (
            [
                row["run"],
                f"{row['model_seconds']:g} s",
                row["way"],
                f"{row['wall_seconds']:.1f}",
                row["transitions"],
                row["invocations"],
                f"{row['billed_ms']:,}",
                f"{row['read_units']:g} + {row['write_units']:g}",
                f"**{total(row):.3f}**",
            ]
            for row in rows
        ),
        text_columns=3,
    )


def prices() -> str:
    """The prices, with where they were read."""
    rows = ([p.service, p.unit, f"{p.dollars:g} for {p.count:,}", p.source] for p in PRICES)
    table = as_table(["service", "unit", f"US dollars, {REGION}", "source"], rows, text_columns=4)
    return f"{table}\n\nRead on {READ_ON}; without free tiers."


def overhead(found: Json) -> str:
    """Return how much longer a run takes than the model."""
    rows = (
        [
            f"{row['model_seconds']:g} s",
            row["runs"],
            f"{row['wall']:.2f} s",
            f"**{row['ratio']:.2f}**",
            f"{1_000 * row['before']:.0f} ms",
            f"{1_000 * row['after']:.0f} ms",
        ]
        for row in found["answers"]
    )
    head = ["model", "runs", "median run", "run / model", "before the model is asked", "after its last byte"]
    turns = found["turns"]
    streamed = " and ".join(f"**{row['ratio']:.2f}** at {row['model_seconds']:g} s" for row in found["streamed"])
    return (
        as_table(head, rows)
        + f"\n\nRun time over model time when the client streams: {streamed} (medians)."
        + f"\n\nA turn that calls a tool adds **{1_000 * turns['median']:.0f} ms** (median of "
        f"{turns['count']}; 99th percentile {1_000 * turns['p99']:.0f} ms) to the model's and the tool's own time."
    )


def growth(rows: list[Json]) -> str:
    """The same run on threads of different lengths."""
    head = [
        "truncation",
        "messages",
        "transitions",
        "read units",
        "write units",
        "bytes read",
        "bytes to the model",
        "ms",
    ]
    ordered = sorted(rows, key=lambda row: (row["strategy"] == "auto", row["messages"]))
    return as_table(
        head,
        (
            [
                f"`{row['strategy']}`",
                f"{row['messages']:,}",
                row["transitions"],
                f"{row['read_units']:g}",
                f"{row['write_units']:g}",
                f"{row['read_bytes']:,}",
                f"{row['model_bytes']:,}",
                f"{row['milliseconds']:.0f}",
            ]
            for row in ordered
        ),
    )


def at_once(rows: list[Json]) -> str:
    """Many runs at the same moment."""
    return as_table(
        ["runs at once", "completed", "all ended after", "median run", "99th percentile"],
        (
            [r["runs"], r["completed"], f"{r['seconds']:.1f} s", f"{r['median']:.1f} s", f"{r['p99']:.1f} s"]
            for r in rows
        ),
    )


def functions(found: Json) -> str:
    """Return what each function imports."""
    return as_table(
        [
            "function",
            "modules",
            "MB of them",
            "budget",
            "CPU",
            "of the interpreter's own start",
            "at 1d9ec9b",
            "own code",
        ],
        (
            [
                f"`{row['function']}`",
                row["modules"],
                f"{row['megabytes']:.1f}",
                f"{row['budget'][0]}, {row['budget'][1]:g} MB",
                f"{row['cpu_ms']:.0f} ms",
                f"{row['starts']:.1f} x",
                f"{row['starts_before']:.1f} x" if row["starts_before"] else "",
                f"{1_000 * row['package_megabytes']:.0f} KB",
            ]
            for row in sorted(found["functions"], key=lambda row: -row["modules"])
        ),
    )


def layers(rows: list[Json]) -> str:
    """The size of each layer."""
    made_for = {"lambda": "Lambda (arm64)", "host": "this machine"}[rows[0]["target"]]
    return as_table(
        [f"layer, for {made_for}", "zipped", "unpacked"],
        ([f"`{row['layer']}`", f"{row['zipped']:.1f} MB", f"{row['megabytes']:.1f} MB"] for row in rows),
    )


def search(found: Json) -> str:
    """Return how often file search finds the right document, in English and in other languages."""
    others = found["languages"]
    languages = list(others["rankings"][0]["reciprocals"])
    return "\n\n".join(
        (
            f"{found['documents']} documents in English, read in {found['ingestion_seconds']:.0f} s; "
            f"{found['questions']} questions.",
            _ranked(found),
            f"{others['documents']} documents in six other languages; {others['questions']} questions.",
            _ranked(others),
            "Mean reciprocal rank by language:",
            as_table(
                ["ranking", *languages],
                (
                    [ranking["ranking"], *(f"{ranking['reciprocals'][language]:.2f}" for language in languages)]
                    for ranking in others["rankings"]
                ),
            ),
        )
    )


def _ranked(found: Json) -> str:
    return as_table(
        ["ranking", "first", "in the top 5", "mean reciprocal rank", "a search"],
        (
            [r["ranking"], f"{r['first']:.1%}", f"{r['top']:.1%}", f"{r['reciprocal']:.2f}", f"{r['seconds']:.2f} s"]
            for r in found["rankings"]
        ),
    )


def plot_rivals(rows: list[Json]) -> None:
    """Plot what a plain answer costs by the time that the model takes."""
    figure, axes = _axes("seconds that the model takes", "US dollars for 1,000 plain answers")
    for way, color in WAYS.items():
        points = [row for row in rows if row["way"] == way and row["run"] == "plain answer"]
        seconds = [row["model_seconds"] for row in points]
        axes.plot(seconds, [total(row) for row in points], marker="o", color=color, label=way)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    _save(figure, "rivals")


def plot_overhead(rows: list[Json]) -> None:
    """Plot where the time of a run goes."""
    figure, axes = _axes("seconds, median", "the model takes")
    names = [f"{row['model_seconds']:g} s" for row in rows]
    left = [0.0] * len(rows)
    model = [row["wall"] - row["before"] - row["after"] for row in rows]
    parts = {
        "before the model is asked": ([row["before"] for row in rows], BLUE),
        "model": (model, GREY),
        "after its last byte": ([row["after"] for row in rows], ORANGE),
    }
    for label, (widths, color) in parts.items():
        axes.barh(names, widths, left=left, color=color, label=label)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.legend(frameon=False, loc="lower right")
    _save(figure, "overhead")


def plot_growth(rows: list[Json]) -> None:
    """Plot what a run takes on threads of different lengths."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    units, sent = figure.subplots(1, 2)
    for axes, title, key in ((units, "read units", "read_units"), (sent, "KB to the model", "model_bytes")):
        for strategy, color in (("last_messages: 10", GREEN), ("auto", BLUE)):
            points = sorted((row["messages"], row[key]) for row in rows if row["strategy"] == strategy)
            values = [value / (1_000 if key == "model_bytes" else 1) for _, value in points]
            axes.plot([count for count, _ in points], values, marker="o", color=color, label=strategy)
        axes.set_xscale("log")
        axes.set_xlabel("messages of the thread")
        axes.set_title(title, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(bottom=0)
    units.legend(frameon=False)
    _save(figure, "growth")


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Figure, name: str) -> None:
    figure.patch.set_facecolor("white")
    path: Path = PLOTS / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    # Markers are drawn with trailing spaces, which no diff should show.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
