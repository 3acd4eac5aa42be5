"""Texts in every encoding, with and without a word about it: what a person sees in them is what is read."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import charsets, markup
from parsers.plain import decoded
from parsers.reading import Unreadable

GERMAN = "Die Rückgabe ist innerhalb von dreißig Tagen möglich. Für größere Bestellungen gelten längere Fristen. "
RUSSIAN = "Возврат возможен в течение тридцати дней. Пожалуйста, сохраняйте чек; позже мы не примем товар. "
JAPANESE = "返品は三十日以内にお願いします。レシートは必ず保管してください。それ以降は受け付けられません。"

SENTENCES = {
    "cp1252": GERMAN,
    "cp1250": "Vrácení je možné do třiceti dnů. Příliš žluťoučký kůň úpěl ďábelské ódy, prosím volejte. ",
    "cp1251": RUSSIAN,
    "koi8-r": RUSSIAN,
    "cp866": RUSSIAN,
    "iso8859-5": RUSSIAN,
    "cp1253": "Η επιστροφή είναι δυνατή εντός τριάντα ημερών. Παρακαλούμε φυλάξτε την απόδειξη. ",
    "cp1254": "İade otuz gün içinde mümkündür. Lütfen fişi saklayınız; daha sonra ürünü geri alamayız, iyi günler. ",
    "cp1255": "ההחזרה אפשרית תוך שלושים יום. אנא שמרו את הקבלה, לאחר מכן לא נוכל לקבל את המוצר בחזרה. ",
    "cp1256": "يمكن الإرجاع خلال ثلاثين يوما. يرجى الاحتفاظ بالفاتورة، ولا نستطيع قبول البضاعة بعد ذلك. ",
    "cp1257": "Grąžinti galima per trisdešimt dienų. Prašome išsaugoti čekį; vėliau prekės nebegalėsime priimti. ",
    "cp874": "คืนสินค้าได้ภายในสามสิบวัน โปรดเก็บใบเสร็จไว้ หลังจากนั้นเราไม่สามารถรับคืนได้ ",
    "cp932": JAPANESE,
    "euc_jp": JAPANESE,
    "iso2022_jp": JAPANESE,
    "gb18030": "三十天内可以退货。请保存好收据，之后我们不能再接受退货，谢谢您的理解与支持。",
    "big5": "三十天內可以退貨。請保存好收據，之後我們不能再接受退貨，謝謝您的理解與支持。",
    "cp949": "반품은 삼십일 이내에 가능합니다. 영수증을 꼭 보관해 주세요. 그 이후에는 받을 수 없습니다. ",
    "mac-roman": GERMAN,
    "cp850": GERMAN,
}


def read(data: bytes) -> tuple[str, list[str]]:
    warnings: list[str] = []
    return decoded(data, warnings.append), warnings


@pytest.mark.parametrize("times", [1, 30])
@pytest.mark.parametrize("codec", SENTENCES)
def test_a_sentence_is_read_in_the_encoding_that_it_is_in(codec: str, times: int) -> None:
    text = SENTENCES[codec] * times
    assert read(text.encode(codec)) == (text, [])


SHORT = (
    *(
        "Descripción;Precio\r\nAño señal;5\r\nCamión;7\r\n",
        "Artikel;Pris\r\nSmörgås;25\r\nKött;99\r\n",
        "Tür groß;5,90",
    ),
    *("Année;Prix\r\nCrème brûlée;5", "Descrição;Preço\r\nMaçã;2", "Città;Età\r\nForlì;30", "Vare;Pris\r\nRødgrød;30"),
    *("niño", "Größe", "café", "Ærø", "Ação", "Perché", "äiti", "œuvre", "naïve", "è", "ñ", "Þór", "¡Hola!", "«oui»"),
    *("20°C", "© 2024 Acme™", "it’s “quoted”…", "25 µm ±5", "5 €", "£100", "¥500", "§ 5", "½ cup", "100 m²", "10 – 20"),
    *("Nº 5", "3 × 4", "• one", "São Paulo", "Zürich", "jalapeño", "aujourd’hui l’été", "Price: £5\nfor the café"),
)


@pytest.mark.parametrize("around", ["{}", "id;text\r\n1;{}\r\n", "An English sentence with {} in it, and no more.\n"])
@pytest.mark.parametrize("text", SHORT)
def test_a_short_western_text_is_windows_1252(text: str, around: str) -> None:
    text = around.format(text)
    assert read(text.encode("cp1252"))[0] == text


@pytest.mark.parametrize("name", ["Привет", "Καλημέρα", "שלום", "Příliš"])
def test_one_foreign_name_in_an_english_text_is_evidence_enough(name: str) -> None:
    codec = {"П": "cp1251", "Κ": "cp1253", "ש": "cp1255", "P": "cp1250"}[name[0]]
    text = "This is an English document with many words in it, and just one name. " * 20 + f"{name} is here.\n"
    assert read(text.encode(codec))[0] == text


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    [
        *SENTENCES.values(),
        "Hi",
        "name,price\r\nlamp,5\r\n",
        "é\n",
        "Привет",
        "emoji 😀\n" * 3,
        "नमस्ते दुनिया\n",
        "한국어 문장\n" * 3,
    ],
)
def test_wide_characters_are_read_with_a_mark_and_without(codec: str, text: str) -> None:
    assert read(text.encode(codec))[0] == text


def test_marks_say_what_comes_after_them() -> None:
    for mark, codec in charsets.MARKS:
        assert read(mark + "Größe".encode(codec)) == ("Größe", [])


NEARLY = {
    "cut in a letter": ((GERMAN * 30 + "ü").encode()[:-1], "Rückgabe"),
    "cut in a letter, short": ("価格は百円です。価".encode()[:-1], "価格は百円です。"),
    "one stray byte": ((GERMAN * 30).encode() + b"\xff end", "Rückgabe"),
    "one line in Latin-1": (("Prices 😀 – „gut“\n" * 20).encode() + "Größe\n".encode("cp1252"), "Prices 😀 – „gut“"),
    "a broken letter in Japanese": (JAPANESE.encode()[:40] + JAPANESE.encode()[41:], "受け付けられません"),
    "surrogates of another program": (
        "Größe über alles ".encode() + b"\xed\xa0\xbd\xed\xb8\x80" + GERMAN.encode() * 3,
        "über",
    ),
}


@pytest.mark.parametrize("name", NEARLY)
def test_utf_8_with_a_few_bad_bytes_is_utf_8_and_says_so(name: str) -> None:
    data, expected = NEARLY[name]
    text, [warning] = read(data)
    assert expected in text
    assert "can't be read as UTF-8" in warning


DECLARED = {
    "XML": '<?xml version="1.0" encoding="ISO-8859-2"?><a>łąka</a>',
    "Python": "#!/usr/bin/python\n# -*- coding: iso-8859-2 -*-\nname = 'łąka'\n",
    "Ruby": "# encoding: iso-8859-2\nputs 'łąka'\n",
    "Vim": "# vim: set fileencoding=iso-8859-2 :\necho łąka\n",
    "CSS": '@charset "iso-8859-2";\na::after { content: "łąka" }\n',
    "PHP": '<?php ?>\n<html><head><meta charset="iso-8859-2"></head>łąka',
    "gettext": 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=ISO-8859-2\\n"\nmsgstr "łąka"\n',
    "LaTeX": "\\documentclass{article}\n\\usepackage[latin2]{inputenc}\nłąka\n",
}


@pytest.mark.parametrize("kind", DECLARED)
def test_what_a_text_says_of_itself_is_believed(kind: str) -> None:
    assert read(DECLARED[kind].encode("iso-8859-2")) == (DECLARED[kind], [])


def test_what_a_text_says_of_itself_is_not_believed_against_its_bytes() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><a>Größe 😀</a>'
    assert read(text.encode())[0] == text
    text = "# -*- coding: utf-16 -*-\n" + GERMAN
    assert read(text.encode("cp1252"))[0] == text


def test_japanese_of_7_bits_has_the_characters_that_windows_added() -> None:
    assert read(b"\x1b$B\x2d\x21" + "返品".encode("iso2022_jp")[3:])[0] == "①返品"
    assert read("ｶﾅ 返品".encode("iso2022_jp_ext"))[0] == "ｶﾅ 返品"
    assert read("한국어".encode("iso2022_kr"))[0] == "한국어"
    assert read(b"\x1b[31mred\x1b[0m log\n")[0] == "\x1b[31mred\x1b[0m log\n"


@pytest.mark.parametrize("data", [bytes(5_000), random.Random(1).randbytes(5_000), b"\x01\x02\x03" * 50 + b"text"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read(data)
    assert (refused.value.code, "binary" in refused.value.message) == ("unsupported_file", True)


def test_labels_are_those_of_the_encoding_standard() -> None:
    for label, codec in {
        "ISO-8859-1": "cp1252",
        "us-ascii": "cp1252",
        "latin5": "cp1254",
        "shift_jis": "cp932",
        "ks_c_5601-1987": "cp949",
        "gb2312": "gb18030",
        "x-cp1251": "cp1251",
        "iso885915": "iso8859-15",
        "x-mac-ukrainian": "mac-cyrillic",
        "unicode": "utf-16-le",
        " UTF8 ": "utf-8",
    }.items():
        assert charsets.codec_of(label) == codec
    for label in ("", "none", "rot13", "zip", "base64", "utf-8\0", "é", "x" * 10_000):
        assert charsets.codec_of(label) is None


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=60).map(lambda text: text.encode("utf-16", "replace"))))
def test_bytes_are_text_or_refused_and_nothing_else(data: bytes) -> None:
    for reading in (decoded, markup.text_of):
        try:
            text = reading(data, lambda message: None)
        except Unreadable:
            continue
        text.encode(errors="surrogatepass")


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_utf_8_is_read_as_it_is(text: str) -> None:
    data = text.encode(errors="replace")
    if charsets.CONTROLS.search(data) or data.startswith(tuple(mark for mark, _ in charsets.MARKS)) or b"\x1b" in data:
        return
    assert read(data) == (data.decode(), [])
