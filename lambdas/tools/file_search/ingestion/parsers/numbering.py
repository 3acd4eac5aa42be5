"""The numbers of Word's lists and headings, which the text itself does not hold."""

from parsers.archive import Archive, Element, Relations, attribute, child, children

_MAX_LEVELS = 9


class Numbering:
    """Counts the numbered paragraphs of a document in their order."""

    def __init__(self, archive: Archive, relations: Relations) -> None:
        self._levels: dict[str, dict[int, Element]] = {}
        self._lists: dict[str, tuple[str, dict[int, Element]]] = {}
        self._counts: dict[str, list[int | None]] = {}
        self._styles: dict[str, Element] = {}
        for name in relations.of_type("numbering"):
            root = archive.xml(name)
            for abstract in children(root, "abstractNum"):
                self._levels[attribute(abstract, "abstractNumId") or ""] = _by_level(abstract, "lvl")
            for each in children(root, "num"):
                abstract_id = attribute(child(each, "abstractNumId"), "val") or ""
                self._lists[attribute(each, "numId") or ""] = (abstract_id, _by_level(each, "lvlOverride"))
        for name in relations.of_type("styles") if self._lists else ():
            for style in children(archive.xml(name), "style"):
                self._styles[attribute(style, "styleId") or ""] = style

    def label(self, properties: Element | None) -> str:
        """Count a paragraph and return its number as Word shows it, such as `2.1` or `(c)`; empty for bullets."""
        list_id, level = self._place(properties)
        if list_id not in self._lists or not 0 <= level < _MAX_LEVELS:
            return ""
        abstract_id, overrides = self._lists[list_id]
        levels = dict(self._levels.get(abstract_id, {}))
        starts = {}
        for index, override in overrides.items():
            if (own := child(override, "lvl")) is not None:
                levels[index] = own
            if (start := child(override, "startOverride")) is not None:
                starts[index] = start
        # Lists of one definition go on counting, unless they say where they start.
        counts = self._counts.setdefault(list_id if starts else abstract_id, [None] * _MAX_LEVELS)
        for upper in range(level):
            if counts[upper] is None:
                counts[upper] = _start(levels, starts, upper)
        before = counts[level]
        counts[level] = _start(levels, starts, level) if before is None else before + 1
        counts[level + 1 :] = [None] * (_MAX_LEVELS - level - 1)
        return _label(levels, counts, level)

    def _place(self, properties: Element | None) -> tuple[str, int]:
        """Return the list and the level of a paragraph, its own or its style's."""
        numbered, style_id = child(properties, "numPr"), attribute(child(properties, "pStyle"), "val")
        list_id, level = _values(numbered)
        for _ in range(10):
            style = self._styles.get(style_id or "")
            if style is None or (list_id is not None and level is not None):
                break
            own_list, own_level = _values(child(style, "pPr", "numPr"))
            list_id = own_list if list_id is None else list_id
            level = own_level if level is None else level
            style_id = attribute(child(style, "basedOn"), "val")
        return list_id or "", level or 0


def _by_level(parent: Element, name: str) -> dict[int, Element]:
    return {_integer(attribute(each, "ilvl"), 0): each for each in children(parent, name)}


def _values(numbered: Element | None) -> tuple[str | None, int | None]:
    level = attribute(child(numbered, "ilvl"), "val")
    return attribute(child(numbered, "numId"), "val"), None if level is None else _integer(level, 0)


def _start(levels: dict[int, Element], starts: dict[int, Element], level: int) -> int:
    return _integer(attribute(starts.get(level, child(levels.get(level), "start")), "val"), 1)


def _label(levels: dict[int, Element], counts: list[int | None], level: int) -> str:
    if _format(levels.get(level)) in ("bullet", "none"):
        return ""
    text = attribute(child(levels.get(level), "lvlText"), "val") or ""
    legal = child(levels.get(level), "isLgl") is not None
    for upper in range(level + 1):
        style = "decimal" if legal else _format(levels.get(upper))
        text = text.replace(f"%{upper + 1}", _numeral(counts[upper] or 0, style))
    return text.strip()


def _format(level: Element | None) -> str:
    return attribute(child(level, "numFmt"), "val") or "decimal"


def _numeral(number: int, style: str) -> str:
    match style:
        case "lowerLetter" | "upperLetter" if number > 0:
            # After z come aa, bb, cc.
            letter = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 10)
            return letter if style == "lowerLetter" else letter.upper()
        case "lowerRoman" | "upperRoman" if 0 < number < 4000:
            roman = _roman(number)
            return roman.lower() if style == "lowerRoman" else roman
        case "decimalZero":
            return f"{number:02}"
    return str(number)


def _roman(number: int) -> str:
    digits = ""
    for value, symbol in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ["M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"],
        strict=True,
    ):
        digits += symbol * (number // value)
        number %= value
    return digits


def _integer(text: str | None, default: int) -> int:
    return int(text) if text and text.lstrip("-").isdecimal() and len(text) < 10 else default
