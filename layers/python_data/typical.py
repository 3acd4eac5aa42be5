"""Uses the packages as the code that models write does: the modules that this loads are compiled in the layer.

`make lock` runs it and writes the list, `compiled.txt`. Extend it when the layer gets another package.
"""

import io
import tempfile
from typing import Any

import bs4
import cloudpickle
import docx
import jinja2
import lxml.html
import matplotlib.pyplot as plt
import numpy as np
import openpyxl
import pandas as pd
import pptx
import pypdf
import pytz
import requests
import seaborn as sns
import sympy
import tqdm
import xlrd
import yaml
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.backends import backend_agg, backend_pdf, backend_svg
from mpl_toolkits import mplot3d
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table
from traitlets.config import Config

USED = (cloudpickle, openpyxl.Workbook, backend_agg, backend_pdf, backend_svg, mplot3d, pytz, requests, xlrd)
"""Imported for their modules alone."""


def tables() -> pd.DataFrame:
    """Read, clean, group, join and write tables."""
    text = "day,name,amount\n2026-01-01,a,1.5\n2026-02-01,b,\n2026-03-01,a,2"
    frame = pd.read_csv(io.StringIO(text), parse_dates=["day"]).fillna(0)
    frame.groupby("name").agg({"amount": ["sum", "mean"]})
    frame.merge(frame, on="name").pivot_table(index="name", values="amount_x", aggfunc="sum")
    frame.set_index("day")["amount"].resample("ME").sum().rolling(2).mean()
    frame["name"].str.upper().value_counts()
    frame.describe().to_markdown()
    frame.to_html(io.StringIO())
    pd.read_json(io.StringIO(frame.to_json(orient="records")))
    for engine in ("openpyxl", "xlsxwriter"):
        book = io.BytesIO()
        with pd.ExcelWriter(book, engine=engine) as writer:
            frame.to_excel(writer, sheet_name="all")
        pd.read_excel(io.BytesIO(book.getvalue()))
    return frame


def charts(frame: pd.DataFrame) -> None:
    """Draw plots of the usual kinds and save them in the usual formats."""
    figure, ((line, bars), (points, picture)) = plt.subplots(2, 2)
    line.plot(frame["day"], frame["amount"], label="amount")
    line.legend()
    frame.plot.bar(x="name", y="amount", ax=bars)
    sns.scatterplot(frame, x="day", y="amount", hue="name", ax=points)
    sns.heatmap(np.random.default_rng(1).normal(size=(4, 4)), annot=True, ax=picture)
    figure.tight_layout()
    for kind in ("png", "svg", "pdf", "jpg"):
        figure.savefig(io.BytesIO(), format=kind, bbox_inches="tight")
    surface = plt.figure().add_subplot(projection="3d")
    x, y = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5))
    surface.plot_surface(x, y, x * y, cmap="viridis")
    surface.figure.savefig(io.BytesIO(), format="png")
    sns.pairplot(frame[["amount"]])
    plt.close("all")


def pictures() -> None:
    """Draw into a picture and save it in the usual formats."""
    image = Image.new("RGB", (20, 20), "white")
    ImageDraw.Draw(image).text((1, 1), "a", font=ImageFont.load_default())
    for kind in ("PDF", "BMP", "GIF", "JPEG", "PNG"):
        file = io.BytesIO()
        image.save(file, kind)
    Image.open(io.BytesIO(file.getvalue())).resize((10, 10))


def mathematics() -> None:
    """Solve, derive, integrate and print."""
    x = sympy.symbols("x")
    sympy.solve(x**2 - 3 * x + 2, x)
    sympy.integrate(sympy.diff(sympy.sin(x) * sympy.exp(x), x), x)
    sympy.latex(sympy.simplify(sympy.expand((x + 1) ** 3) / (x + 1)))
    sympy.Matrix([[1, x], [x, 1]]).det()
    sympy.lambdify(x, x**2)(np.arange(3))


def cells() -> None:
    """Run cells with magics, commands and errors."""
    config = Config()
    config.HistoryManager.enabled = False
    with tempfile.TemporaryDirectory() as folder:
        shell: Any = InteractiveShell(ipython_dir=folder, config=config)
        for cell in (
            "import asyncio\nawait asyncio.sleep(0)",
            "%time 1",
            "%config",
            "%who",
            "%cd -q .",
            "x = %env HOME",
            "len?",
        ):
            shell.run_cell(cell, store_history=True)


def documents() -> None:
    """Write and read documents of the usual kinds."""
    for document in (docx.Document(), pptx.Presentation()):
        document.save(io.BytesIO())
    file = io.BytesIO()
    styles = getSampleStyleSheet()
    SimpleDocTemplate(file).build([Paragraph("a", styles["Normal"]), Table([["a", "b"]])])
    pypdf.PdfReader(file).pages[0].extract_text()
    pd.read_html(io.StringIO("<table><tr><td>1</td></tr></table>"))
    bs4.BeautifulSoup("<p>a</p>", "lxml").find("p")
    lxml.html.fromstring("<p>a</p>").xpath("//p")
    yaml.safe_load(jinja2.Template("a: {{ b }}").render(b=1))
    list(tqdm.tqdm(range(2), disable=True))


if __name__ == "__main__":
    cells()
    charts(tables())
    pictures()
    mathematics()
    documents()
