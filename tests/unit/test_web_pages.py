"""Web pages: decoded by the HTML standard's rules, and the text that a browser shows."""

import pytest

from parsers import markup
from parsers.markup import text_of


def shown(page: bytes | str, charset: str | None = None) -> str:
    return text_of(page, lambda message: None, charset)


DECODED = {
    "nothing said": ("<p>Größe, Привет".encode(), "Größe, Привет"),
    "nothing said, Windows-1252": ("<p>Größe und Maß".encode("cp1252"), "Größe und Maß"),
    "charset": (b'<meta charset="windows-1251"><p>\xc4\xee\xe3\xee\xe2\xee\xf0</p>', "Договор"),
    "charset without quotes": (b"<META CHARSET=Shift_JIS><p>\x95\xd4\x95i", "返品"),
    "http-equiv": (
        b"<meta http-equiv=Content-Type content='text/html; charset=koi8-r'><p>\xf0\xd2\xc9\xd7\xc5\xd4",
        "Привет",
    ),
    "attributes in any order": (b"<meta content='a; charset=\"iso-8859-2\"' http-equiv=content-type><p>\xb3", "ł"),
    "Latin-1 is Windows-1252": (b"<meta charset=iso-8859-1><p>\x80 5 \x93x\x94", "€ 5 “x”"),
    "UTF-16 can't be declared in bytes": ("<meta charset=utf-16><p>grüß".encode(), "grüß"),
    "a comment declares nothing": (b"<!-- <meta charset=koi8-r> --><meta charset=windows-1252><p>\x80", "€"),
    "content without http-equiv declares nothing": ("<meta content='charset=koi8-r'><p>Größe".encode(), "Größe"),
    "the first one counts": (b"<meta charset=windows-1251><meta charset=koi8-r><p>\xcf", "П"),
    "an unknown one does not count": (b"<meta charset=none><meta charset=koi8-r><p>\xf0", "П"),
    "a long head": (b"<title>x</title>" + b"<link rel=y>" * 200 + b"<meta charset=koi8-r><p>\xf0", "x\nП"),
    "XML": (b"<?xml version='1.0' encoding='ISO-8859-15'?><html><body>\xa4 5</body></html>", "€ 5"),
    "a mark goes before all": ("\ufeff<meta charset=koi8-r><p>Größe".encode(), "Größe"),
    "UTF-16 with a mark": ("<meta charset=koi8-r><p>Größe".encode("utf-16"), "Größe"),
    "UTF-16 without": ("<!doctype html><p>Größe".encode("utf-16-le"), "Größe"),
    "UTF-16 XML without": ("<?xml version='1.0'?><html><body>Größe</body></html>".encode("utf-16-be"), "Größe"),
}


@pytest.mark.parametrize("name", DECODED)
def test_a_page_is_decoded_by_the_standards_rules(name: str) -> None:
    data, expected = DECODED[name]
    assert shown(data) == expected


def test_the_transport_goes_before_the_page() -> None:
    assert shown(b"<meta charset=koi8-r><p>\xcf", "windows-1251") == "П"
    assert shown("\ufeff<p>Größe".encode(), "windows-1251") == "Größe"
    assert shown(b"<meta charset=koi8-r><p>\xf0", "no such thing") == "П"


SHOWN = {
    "lists": (
        "<ul><li>Fruit<ul><li>Apple</li></ul></li></ul><dl><dt>Term</dt><dd>Meaning</dd></dl>",
        "Fruit\nApple\nTerm\nMeaning",
    ),
    "sections": ("<section>One</section><section>Two</section><article>Three</article>Four", "One\nTwo\nThree\nFour"),
    "headings": ("<h1>One</h1>Two<hgroup><h2>Three</h2></hgroup><address>Four</address>", "One\nTwo\nThree\nFour"),
    "figures": ("<figure><img alt='A cat' src=x><figcaption>Tom</figcaption></figure>after", "A cat\nTom\nafter"),
    "details": ("<details><summary>More</summary>inner</details>after", "More\ninner\nafter"),
    "breaks": ("one<br>two<hr>three", "one\ntwo\nthree"),
    "forms": (
        "<form><legend>Who</legend><select><option>red<option>green</select><button>Buy</button><input value=typed>"
        "<input type=hidden value=no><input type=password value=no></form>",
        "Who\nred\ngreen\nBuy\ntyped",
    ),
    "words in one line": (
        "in<b>for</b>m<i>a</i>tion <span>and</span>\n more&nbsp;&nbsp;words",
        "information and more words",
    ),
    "soft hyphens": ("infor&shy;mation", "information"),
    "preformatted": (
        "<p>code</p><pre>def f():\n    return  1\n</pre><p>after",
        "code\ndef f():\n    return  1\n\nafter",
    ),
    "tables": (
        "<table><caption>Prices</caption><tr><th>a<th>b<th>c<tr><td>40<td>40<td>55<tr><td><td><td>7<tr><td><p>x</p><td></table>y",
        "Prices\na | b | c\n40 | 40 | 55\n| | 7\nx |\ny",
    ),
    "tables in tables": ("<table><tr><td>a<td><table><tr><td>b<td>c</table><td>d</table>", "a |\nb | c | d"),
    "what is not shown": (
        "<script>a='<p>no'</script><style>no</style><template>no</template><noscript>no</noscript>yes"
        "<iframe>no</iframe><video>no</video><!-- no -->",
        "yes",
    ),
    "drawings": ("<svg><style>no</style><text>left</text><text>right</text></svg>", "left\nright"),
    "ruby": ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字", "漢(kan)字"),
    "XHTML's short elements": (
        "<html><head><script src='x'/><title/></head><body><p>all</p><p/>of it</body></html>",
        "all\nof it",
    ),
    "tags that nothing closes": ("<p>one<p>two<div>three<li>four", "one\ntwo\nthree\nfour"),
    "entities": ("&lt;b&gt; &euro; &#128512; &unknown; &amp", "<b> € 😀 &unknown; &"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_is_read_as_it_is_shown(name: str) -> None:
    page, expected = SHOWN[name]
    assert shown(page) == expected


@pytest.mark.parametrize("depth", [10_000, 300_000])
def test_a_page_is_nested_as_deep_as_it_likes(depth: int) -> None:
    assert shown("<div>" * depth + "deep words" + "</div>" * depth + "<p>after") == "deep words\nafter"
    assert shown("<b><span>" * depth + "deep words") == "deep words"


@pytest.mark.parametrize(
    "page", ["", " \n", "<!-- x -->", "<", "<a", "\0", "</p>", "<table><td>", "<![CDATA[x", "&#xd800;", "\ud800"]
)
def test_a_page_that_is_hardly_one_is_no_error(page: str) -> None:
    shown(page).encode()


def test_what_every_block_of_the_standard_is_parts_words() -> None:
    inline = (
        *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "i", "kbd", "mark", "q", "s", "samp"),
        *("small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr"),
    )
    for name in ("address", "blockquote", "center", "dialog", "fieldset", "main", "menu", "nav", "search", "td", "li"):
        assert shown(f"one<{name}>two</{name}>three").split() == ["one", "two", "three"], name
    for name in inline:
        assert shown(f"one<{name}>two</{name}>three") == "onetwothree", name
    assert markup.codec_of(b"<p>x") == "utf-8"
