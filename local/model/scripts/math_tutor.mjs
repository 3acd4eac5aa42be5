// The sample math_tutor: numbers are taken from the question and calculated by code.
import { answer, run } from "../turns.mjs";

const line = (x1, y1, x2, y2) => String.raw`
import json
from fractions import Fraction

slope = Fraction(${y2} - (${y1}), ${x2} - (${x1}))
intercept = ${y1} - slope * (${x1})
print(json.dumps({"slope": str(slope), "intercept": str(intercept)}))
`;

const equation = (a, b, c, d) => String.raw`
import json
from fractions import Fraction

# ${a}x + (${b}) = ${c}x + (${d})
x = Fraction(${d} - (${b}), ${a} - (${c}))
print(json.dumps({"x": str(x)}))
`;

const SURFACE = String.raw`
import json
import matplotlib.pyplot as plt
import numpy as np

theta, phi = np.meshgrid(np.linspace(0, np.pi, 120), np.linspace(0, 2 * np.pi, 240))
r = 2 + np.sin(3 * theta) * np.cos(2 * phi)
x, y, z = r * np.sin(theta) * np.cos(phi), r * np.sin(theta) * np.sin(phi), r * np.cos(theta)
axes = plt.figure(figsize=(7, 6)).add_subplot(projection="3d")
axes.plot_surface(x, y, z, cmap="viridis", rcount=60, ccount=60)
axes.set_title("r = 2 + sin(3θ)·cos(2φ)")
plt.show()
print(json.dumps({"least": round(float(r.min()), 2), "most": round(float(r.max()), 2)}))
`;

const CUSTOMERS = String.raw`
import csv
import json

given = ["Amara", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Imani", "Jonas"]
family = ["Okafor", "Santos", "Castellano", "Petrov", "Yilmaz", "Haddad", "Jansen", "Tanaka", "Abbott", "Lindqvist"]
with open("/mnt/data/customers.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["name"])
    writer.writerows([f"{first} {last}"] for first, last in zip(given, family))
with open("/mnt/data/customers.csv", newline="") as file:
    print(json.dumps({"names": len(list(csv.DictReader(file)))}))
`;

const numbers = (turn, pattern) =>
  turn.user.match(pattern).slice(1).map((number) => Number(number.replaceAll(" ", "")));

const LINE = /line through \((-?\d+), (-?\d+)\) and \((-?\d+), (-?\d+)\)/;
const EQUATION = /^Solve (-?\d+)x ([+-] \d+) = (-?\d+)x ([+-] \d+) for x/;

export default [
  {
    match: LINE,
    reply: (turn) =>
      run(turn, line(...numbers(turn, LINE)), ({ slope, intercept }) =>
        answer(
          turn,
          `y = ${slope} x + ${intercept}. The slope is the difference of the y over that of the x.`,
          "Shall we find where it meets the axes?",
        ),
      ),
  },
  {
    match: EQUATION,
    reply: (turn) =>
      run(turn, equation(...numbers(turn, EQUATION)), ({ x }) =>
        answer(
          turn,
          `x = ${x}. Bring the x to one side and the numbers to the other, then divide.`,
          "Shall we put it in to see that it is right?",
        ),
      ),
  },
  {
    match: /^Plot the surface r = 2 \+ sin\(3θ\)·cos\(2φ\)/,
    reply: (turn) =>
      run(turn, SURFACE, ({ least, most }) =>
        answer(
          turn,
          `here is the surface. Its distance from the origin goes from ${least} to ${most}.`,
          "Shall I turn it, to see it from above?",
        ),
      ),
  },
  {
    match: /\bCSV file with the names of ten customers\b/,
    reply: (turn) =>
      run(turn, CUSTOMERS, ({ names }) =>
        answer(
          turn,
          `the file has ${names} names: [Download customers.csv](sandbox:/mnt/data/customers.csv).`,
          "Shall I add a column for their cities?",
        ),
      ),
  },
];
