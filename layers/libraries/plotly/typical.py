"""Uses the package as the code that models write does: the modules that this loads are compiled in the archive.

`make lock` runs it and writes the list, `compiled.txt`.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.express as px
import plotly.figure_factory as ff
import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

FRAME = pd.DataFrame(
    {"day": pd.date_range("2026-01-01", periods=6), "name": list("aabbcc"), "a": range(1, 7), "b": [2, 1, 4, 3, 6, 5]}
)


def charts() -> list[go.Figure]:
    """Draw charts of the usual kinds, from a table."""
    return [
        px.bar(FRAME, x="name", y="a", color="name", text_auto=True),
        px.line(FRAME, x="day", y="a", color="name", markers=True),
        px.area(FRAME, x="day", y="a"),
        px.scatter(FRAME, x="a", y="b", size="a", color="b", facet_col="name"),
        px.scatter_3d(FRAME, x="a", y="b", z="a"),
        px.scatter_matrix(FRAME[["a", "b"]]),
        px.scatter_polar(FRAME, r="a", theta="name"),
        px.histogram(FRAME, x="a", marginal="box"),
        px.box(FRAME, x="name", y="a"),
        px.violin(FRAME, y="a", box=True),
        px.strip(FRAME, x="name", y="a"),
        px.pie(FRAME, names="name", values="a", hole=0.3),
        px.sunburst(FRAME, path=["name", "a"], values="b"),
        px.treemap(FRAME, path=["name", "a"], values="b"),
        px.funnel(FRAME, x="a", y="name"),
        px.timeline(FRAME.assign(end=FRAME.day + pd.Timedelta(days=1)), x_start="day", x_end="end", y="name"),
        px.imshow(np.ones((2, 2)), text_auto=True),
        px.density_heatmap(FRAME, x="a", y="b"),
        px.density_contour(FRAME, x="a", y="b"),
        px.parallel_coordinates(FRAME[["a", "b"]]),
        px.choropleth(FRAME.assign(place="FRA"), locations="place", color="a"),
        px.scatter_geo(FRAME, lat="a", lon="b"),
        px.scatter_map(FRAME, lat="a", lon="b"),
    ]


def figures() -> list[go.Figure]:
    """Put figures together from traces, and change them."""
    days, a, b = FRAME.day, FRAME.a, FRAME.b
    plots = make_subplots(rows=2, cols=1, shared_xaxes=True, specs=[[{"secondary_y": True}], [{}]])
    plots.add_trace(go.Bar(x=days, y=a, name="a", marker={"color": a, "colorbar": {"title": "a"}}), row=1, col=1)
    plots.add_trace(go.Scatter(x=days, y=b, mode="lines+markers", error_y={"array": a}), row=1, col=1, secondary_y=True)
    plots.add_trace(go.Candlestick(x=days, open=a, high=b, low=a, close=b), row=2, col=1)
    plots.update_layout(title="a", template="plotly_white", legend={"orientation": "h"}, hovermode="x unified")
    plots.update_xaxes(title_text="day", rangeslider={"visible": True}, tickformat="%d")
    plots.update_yaxes(type="log")
    plots.add_hline(y=2, line_dash="dot", annotation_text="a")
    plots.add_vrect(x0=days[0], x1=days[1])
    plots.add_annotation(x=days[0], y=1, text="a", font={"size": 12})
    plots.add_shape(type="rect", x0=days[0], x1=days[1], y0=0, y1=1)
    steps = [{"method": "update", "args": [{"visible": [True]}]}]
    plots.update_layout(sliders=[{"steps": steps}], updatemenus=[{"buttons": steps}])
    single = [
        *(go.Table(header={"values": ["a"]}, cells={"values": [[1]]}), go.Heatmap(z=[[1]]), go.Contour(z=[[1]])),
        *(go.Surface(z=[[1, 2], [3, 4]]), go.Scatter3d(x=a, y=b, z=a), go.Mesh3d(x=a, y=b, z=a)),
        *(go.Pie(labels=["a"], values=[1]), go.Histogram(x=a), go.Box(y=a), go.Violin(y=a), go.Barpolar(r=a)),
        *(go.Indicator(value=1, gauge={"axis": {"range": [0, 2]}}), go.Waterfall(y=a), go.Ohlc(open=a, close=b)),
        go.Sankey(node={"label": ["a", "b"]}, link={"source": [0], "target": [1], "value": [1]}),
    ]
    animated = go.Figure(data=[go.Scatter(y=a)], frames=[go.Frame(data=[go.Scatter(y=b)])])
    return [plots, animated, ff.create_table(FRAME), *(go.Figure(trace) for trace in single)]


def main() -> None:
    """Draw, and write in the usual ways."""
    with tempfile.TemporaryDirectory() as folder:
        for figure in [*charts(), *figures()]:
            figure.write_html(Path(folder) / "a.html", include_plotlyjs="cdn")
            pio.from_json(figure.to_json())
        figure.write_html(Path(folder) / "a.html")


if __name__ == "__main__":
    main()
