"""The words of the keywords' part of a search: one word in two spellings is one, and two words stay two."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant_engine.search.words import words_of

ALIKE = [
    ("théâtre", unicodedata.normalize("NFD", "théâtre")),
    ("보증 기간", unicodedata.normalize("NFD", "보증 기간")),
    ("ガイド", unicodedata.normalize("NFD", "ガイド")),
    ("việt", unicodedata.normalize("NFD", "việt")),
    ("ABC123", "ＡＢＣ１２３"),
    ("ガイド", "ｶﾞｲﾄﾞ"),
    ("file", "ﬁle"),
    ("m²", "m2"),
    ("information", "infor\u00admation"),
    ("Straße", "STRASSE"),
    ("ΟΔΟΣ", "οδος"),
    ("İstanbul", "i̇stanbul"),
    ("ПРИВЕТ", "привет"),
    ("كتاب", "كِتَاب"),
    ("كتاب", "كتــاب"),
    ("القرآن", unicodedata.normalize("NFD", "القُرْآن")),
    ("שלום", "שָׁלוֹם"),
    ("می‌خواهم", "میخواهم"),
    ("2024", "٢٠٢٤"),
    ("2024", "२०२४"),
    ("books", "Book"),
    ("नमस्ते", "\u200eनमस्ते\u200f"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_one_word_in_two_spellings_is_one(one: str, other: str) -> None:
    assert words_of(one) == words_of(other)
    assert words_of(one)


APART = [
    ("दिन", "दान"),
    ("दिन", "दन"),
    ("มา", "หมา"),
    ("ใกล้", "ใกล"),
    ("ปา", "ป่า"),
    ("glass", "glas"),
    ("resume", "résumé"),
    ("كتاب", "كاتب"),
    ("か", "が"),
    ("보증", "보즌"),
    ("က", "ကို"),
    ("ஒலி", "ஒளி"),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_two_words_stay_two(one: str, other: str) -> None:
    assert words_of(one) != words_of(other)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("図書館", 3),
        ("図書館abc図", 5),
        ("हिन्दी में दिन", 3),
        ("كِتَاب جديد", 2),
        ("x̂ and ŷ", 3),
        ("book's", 2),
        ("snake_case name", 2),
        ("ใกล้", 3),
        ("ความ\u200bรู้", 5),
        ("a・b", 2),
        ("don\u00ad't\u2060stop", 2),
        ("", 0),
        ("… – !", 0),
    ],
)
def test_marks_are_parts_of_words_and_scripts_without_spaces_have_a_word_for_each_letter(text: str, count: int) -> None:
    assert words_of(text).total() == count


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_the_form_of_a_text_makes_no_difference(text: str) -> None:
    words = words_of(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert words_of(unicodedata.normalize(form, text)) == words
