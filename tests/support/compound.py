"""Compound files, which .doc, .xls, .ppt and .msg are: written sector by sector, after [MS-CFB]."""

import struct
from collections.abc import Iterator, Mapping
from itertools import pairwise

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5


def compound(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file with these streams; a name such as `folder/stream` makes the storage `folder`."""
    sectors: list[bytes] = []
    fat: list[int] = []

    def put(data: bytes) -> int:
        if not data:
            return _END
        first = len(sectors)
        for start in range(0, len(data), _SECTOR):
            sectors.append(data[start : start + _SECTOR].ljust(_SECTOR, b"\0"))
            fat.append(len(sectors))
        fat[-1] = _END
        return first

    small, small_fat = b"", list[int]()
    entries: list[tuple[str, int, int, int, str]] = []
    for folder in sorted(
        {"/".join(name.split("/")[:depth]) for name in streams for depth in range(1, name.count("/") + 1)}
    ):
        parent, _, base = folder.rpartition("/")
        entries.append((base, _STORAGE, 0, 0, parent))
    for name, data in streams.items():
        folder, _, base = name.rpartition("/")
        if len(data) >= _CUTOFF or not data:
            first = put(data)
        else:
            first = len(small) // _MINI
            count = -(-len(data) // _MINI)
            small_fat += [first + index + 1 for index in range(count - 1)] + [_END]
            small += data.ljust(count * _MINI, b"\0")
        entries.append((base, _STREAM, first, len(data), folder))
    small_size, small_first = len(small), put(small)
    small_table = put(struct.pack(f"<{len(small_fat)}I", *small_fat).ljust(_SECTOR, b"\xff") if small_fat else b"")
    directory = put(_directory(entries, small_first, small_size))
    table_count = -(-(len(fat) + 1) // 127)
    table_first = len(sectors)
    fat += [_FAT] * table_count
    fat += [_FREE] * (table_count * 128 - len(fat))
    sectors.append(struct.pack(f"<{len(fat)}I", *fat))
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack(
        "<IIIIIIIII", 0, table_count, directory, 0, _CUTOFF, small_table, -(-len(small_fat) // 128), _END, 0
    )
    places = [table_first + index for index in range(table_count)]
    return header + struct.pack("<109I", *places, *[_FREE] * (109 - table_count)) + b"".join(sectors)


def _directory(entries: list[tuple[str, int, int, int, str]], small_first: int, small_size: int) -> bytes:
    number = {
        f"{folder}/{name}".lstrip("/"): index
        for index, (name, kind, _, _, folder) in enumerate(entries, 1)
        if kind == _STORAGE
    }
    siblings: dict[str, list[int]] = {}
    for index, (_, _, _, _, folder) in enumerate(entries, 1):
        siblings.setdefault(folder, []).append(index)
    following: dict[int, int] = {}
    first_child: dict[int, int] = {}
    for folder, members in siblings.items():
        # The tree of a folder's members is a list here: each is to the right of the one before.
        members.sort(key=lambda index: (len(entries[index - 1][0]), entries[index - 1][0].upper()))
        first_child[number.get(folder, 0)] = members[0]
        following |= dict(pairwise(members))
    made = b""
    everything = [("Root Entry", _ROOT, small_first, small_size, ""), *entries]
    for index, (name, kind, first, size, _) in enumerate(everything):
        encoded = name.encode("utf-16-le") + b"\0\0"
        made += encoded.ljust(64, b"\0") + struct.pack("<HBB", len(encoded), kind, 1)
        made += struct.pack("<III", _FREE, following.get(index, _FREE), first_child.get(index, _FREE))
        made += bytes(16 + 4 + 16) + struct.pack("<IQ", first if kind != _STORAGE else 0, size)
    return made


def doc(text: str) -> bytes:
    """Return a Word document of before 2007, after [MS-DOC]; paragraphs end with CR, cells of a table with BEL."""
    data, start = text.encode("utf-16-le"), 0x800
    table = struct.pack("<BI", 2, 16) + struct.pack("<II", 0, len(text)) + struct.pack("<HIH", 0, start, 0)
    lengths = [0] * 22
    lengths[0], lengths[3] = start + len(data), len(text)
    places = [0] * (0x5D * 2)
    places[66], places[67] = 0, len(table)
    head = struct.pack("<HHHHHHHIBBIIII", 0xA5EC, 0xC1, 0, 0x409, 0, 0x1200, 0xBF, 0, 0, 0, 0, 0, start, 0)[:32]
    head = head.ljust(32, b"\0") + struct.pack("<H28x", 14) + struct.pack("<H22I", 22, *lengths)
    head += struct.pack(f"<H{len(places)}I", 0x5D, *places) + struct.pack("<H", 0)
    main = head.ljust(start, b"\0") + data
    return compound({"WordDocument": main.ljust(_CUTOFF, b"\0"), "1Table": table.ljust(_CUTOFF, b"\0")})


def ppt(*slides: list[str]) -> bytes:
    """Return a presentation of before 2007, after [MS-PPT], with these texts on its slides."""

    def record(kind: int, data: bytes, *, container: bool = False, instance: int = 0) -> bytes:
        return struct.pack("<HHI", (instance << 4) | (0xF if container else 0), kind, len(data)) + data

    texts = b""
    for number, lines in enumerate(slides, 1):
        texts += record(0x3F3, struct.pack("<IIIII", number + 1, 0, len(lines), 255 + number, 0))
        for line in lines:
            texts += record(0xF9F, struct.pack("<I", 0)) + record(0xFA0, line.encode("utf-16-le"))
    document = record(0x3E8, record(0xFF0, texts, container=True) + record(0x3EA, b""), container=True)
    parts, places = document, [0]
    for _ in slides:
        places.append(len(parts))
        parts += record(0x3EE, record(0x3EF, bytes(24)), container=True)
    persisted = len(parts)
    parts += record(0x1772, struct.pack(f"<I{len(places)}I", (len(places) << 20) | 1, *places))
    edit = len(parts)
    parts += record(0xFF5, struct.pack("<IHBBIIIIHH", 256, 0, 0, 3, 0, persisted, 1, len(places) + 1, 1, 0))
    user = record(0xFF6, struct.pack("<IIIHHBBH", 20, 0xE391C05F, edit, 0, 0x3F4, 3, 0, 0) + struct.pack("<I", 8))
    return compound({"PowerPoint Document": parts.ljust(_CUTOFF, b"\0"), "Current User": user})


def msg(
    texts: Mapping[int, str], attachments: Mapping[str, Mapping[int, str] | None] | None = None, code_page: int = 0
) -> bytes:
    """Return a mail as Outlook saves it, after [MS-OXMSG].

    Args:
        texts: the text properties by their ids.
        attachments: what is attached, by file name: None of a file, the texts of a mail.
        code_page: the one that the texts are written in; 0 for Unicode.
    """
    return compound(dict(_mail("", texts, attachments or {}, code_page)))


def _mail(
    folder: str, texts: Mapping[int, str], attachments: Mapping[str, Mapping[int, str] | None], code_page: int
) -> Iterator[tuple[str, bytes]]:
    properties = b"" if not code_page else struct.pack("<IIQ", 0x3FFD0003, 6, code_page)
    for id, text in texts.items():
        kind = 0x1E if code_page else 0x1F
        data = text.encode(f"cp{code_page}" if code_page else "utf-16-le")
        yield f"{folder}__substg1.0_{id:04X}{kind:04X}", data
        properties += struct.pack("<IIII", (id << 16) | kind, 6, len(data) + 2, 0)
    for number, (name, inner) in enumerate(attachments.items()):
        attached = f"{folder}__attach_version1.0_#{number:08X}/"
        yield f"{attached}__substg1.0_3707001F", name.encode("utf-16-le")
        yield f"{attached}__properties_version1.0", bytes(8)
        if inner is None:
            yield f"{attached}__substg1.0_37010102", b"data"
        else:
            yield from _mail(f"{attached}__substg1.0_3701000D/", inner, {}, 0)
    yield f"{folder}__properties_version1.0", bytes(24 if folder else 32) + properties
