"""Calculates the right answers from the questions."""

import re
from fractions import Fraction


def line(question: str) -> tuple[Fraction, Fraction]:
    """Slope and intercept of the line through the two points that the question names."""
    x1, y1, x2, y2 = map(int, re.findall(r"-?\d+", question))
    slope = Fraction(y2 - y1, x2 - x1)
    return slope, y1 - slope * x1


def solution(question: str) -> Fraction:
    """The x that solves the equation in the question, `ax + b = cx + d`."""
    a, b, c, d = (int(number.replace(" ", "")) for number in re.findall(r"[+-]? ?\d+", question))
    return Fraction(d - b, a - c)
