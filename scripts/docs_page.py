"""The documentation page, made from the OpenAPI document: one file of HTML that loads nothing from elsewhere."""

import json
import re
from html import escape
from typing import Any

Json = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --link: #0b62c4; --get: #1a7f37; --post: #0b62c4;
  --delete: #c62828 }
@media (prefers-color-scheme: dark) { :root { --link: #6cb2ff; --get: #4cc26a; --post: #6cb2ff; --delete: #ff7b72 } }
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 1rem }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 17rem minmax(0, 1fr);
  background: Canvas; color: CanvasText }
a { color: var(--link) }
nav a:not(:hover) { text-decoration: none }
code, .path { font: 13px/1.5 ui-monospace, monospace }
p code { background: var(--soft); padding: .1em .35em; border-radius: 4px }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem;
  border-right: 1px solid var(--line) }
nav h2 { font-size: .8rem; margin: 1.2rem 0 .3rem; text-transform: uppercase; letter-spacing: .05em; opacity: .7;
  border: 0; padding: 0 }
nav a { display: block; padding: .1rem 0; color: inherit; font-size: .9rem }
main { padding: 2rem 3rem 6rem; max-width: 62rem }
h1 { margin-top: 0 }
h2 { margin: 3rem 0 1rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line) }
article { margin: 1.2rem 0; border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.2rem }
article > h3 { margin: 0 0 .4rem; font-size: 1.05rem }
h4 { margin: 1rem 0 .3rem; font-size: .85rem; opacity: .75 }
.method { font: 700 12px ui-monospace, monospace; text-transform: uppercase; margin-right: .6rem }
.get { color: var(--get) } .post { color: var(--post) } .delete { color: var(--delete) }
.tag { font-size: .72rem; border: 1px solid var(--line); border-radius: 99px; padding: 0 .5rem; margin-left: .4rem;
  white-space: nowrap }
table { border-collapse: collapse; width: 100% }
td { padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--soft); vertical-align: top; overflow-wrap: anywhere }
td:first-child { width: 15rem }
@media (max-width: 60rem) {
  body { display: block }
  nav { position: static; height: auto; border: 0 }
  main { padding: 1rem }
  td { display: block; width: auto !important; border: 0; padding: 0 }
  td:first-child { border-top: 1px solid var(--soft) }
}
"""


def page(document: Json) -> str:
    """The page for this document."""
    menu, sections = [], []
    for tag in document["tags"]:
        operations = [
            (method, path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if tag["name"] in operation["tags"]
        ]
        menu.append(f"<h2>{escape(tag['name'])}</h2>")
        menu += [
            f'<a href="#{operation["operationId"]}">{escape(operation["summary"])}</a>' for *_, operation in operations
        ]
        sections.append(f"<h2>{escape(tag['name'])}</h2><p>{_prose(tag['description'])}</p>")
        sections += [_operation(document, method, path, operation) for method, path, operation in operations]
    schemas = document["components"]["schemas"]
    menu.append('<h2><a href="#objects">Objects</a></h2>')
    sections.append('<h2 id="objects">Objects</h2>')
    sections += [_object(name, schema) for name, schema in schemas.items()]
    title, about = document["info"]["title"], document["info"]["description"]
    introduction = "".join(f"<p>{_prose(paragraph)}</p>" for paragraph in about.split("\n\n"))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>"
        f"<nav>{''.join(menu)}</nav>\n<main><h1>{escape(title)}</h1>{introduction}"
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>\n'
        + "\n".join(sections)
        + "</main></body></html>\n"
    )


def _operation(document: Json, method: str, path: str, operation: Json) -> str:
    server = document["servers"][0]["url"]
    parts = [
        f'<article id="{operation["operationId"]}"><h3>{escape(operation["summary"])}{_mark(operation)}</h3>'
        f'<div class="path"><span class="method {method}">{method}</span>{escape(server + path)}</div>'
    ]
    for place, title in (("path", "Path"), ("query", "Query"), ("header", "Headers")):
        rows = [
            _row(
                parameter["name"], {**parameter["schema"], **_pick(parameter, "description")}, required=place == "path"
            )
            for parameter in operation.get("parameters", [])
            if parameter["in"] == place
        ]
        parts += [f"<h4>{title}</h4>{_table(rows)}"] if rows else []
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        schema = body["schema"]
        name = schema.get("$ref", "").rpartition("/")[2]
        schema = document["components"]["schemas"][name] if name else schema
        parts.append(f"<h4>Body <code>{kind}</code></h4>{_table(_rows(schema))}")
    rows = []
    for status, answer in operation["responses"].items():
        answer = document["components"]["responses"][status] if "$ref" in answer else answer
        if int(status) < 400:
            content = [_type(body["schema"]) for body in answer.get("content", {}).values()]
            rows.append(
                f"<tr><td><code>{status}</code> {' '.join(content)}</td><td>{_prose(answer['description'])}</td></tr>"
            )
        else:
            rows.append(f"<tr><td><code>{status}</code></td><td>{_prose(answer['description'])}</td></tr>")
    parts.append(f"<h4>Answers</h4>{_table(rows)}</article>")
    return "".join(parts)


def _object(name: str, schema: Json) -> str:
    rows = _rows(schema)
    description = f"<p>{_prose(schema.get('description', ''))}</p>"
    return f'<article id="{name}"><h3>{name}{_mark(schema)}</h3>{description}{_table(rows)}</article>'


def _rows(schema: Json) -> list[str]:
    required = schema.get("required", [])
    return [_row(name, field, required=name in required) for name, field in schema.get("properties", {}).items()]


def _row(name: str, field: Json, *, required: bool) -> str:
    flag = '<span class="tag">required</span>' if required else ""
    notes = [_type(field), *_limits(field)]
    described = f"<br>{_prose(field['description'])}" if "description" in field else ""
    label = f"<code>{escape(name)}</code>{flag}{_mark(field)}"
    return f"<tr><td>{label}</td><td>{', '.join(notes)}{described}</td></tr>"


def _table(rows: list[str]) -> str:
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _type(schema: Json) -> str:
    """The type of a value in words, with links to the objects."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return " | ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(_type(member) for member in schema[union])
    if schema.get("type") == "array":
        inner = _type(schema["items"]) if schema.get("items") else "anything"
        return f"array of ({inner})" if " | " in inner else f"array of {inner}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    if schema.get("format") == "binary":
        return "bytes"
    return str(schema.get("type", "anything"))


def _limits(schema: Json) -> list[str]:
    if "anyOf" in schema:
        inner = [limit for member in schema["anyOf"] for limit in _limits(member)]
    else:
        words = {
            "minimum": "at least {}",
            "maximum": "at most {}",
            "maxLength": "up to {} characters",
            "maxItems": "up to {} items",
            "maxProperties": "up to {} pairs",
        }
        inner = [text.format(f"{schema[key]:,}") for key, text in words.items() if key in schema]
    default = [f"default <code>{escape(json.dumps(schema['default']))}</code>"] if "default" in schema else []
    return inner + default


def _mark(described: Json) -> str:
    return '<span class="tag">extension</span>' if described.get("x-extension") else ""


def _pick(described: Json, name: str) -> Json:
    return {name: described[name]} if name in described else {}


def _prose(text: str) -> str:
    """Text with `code` in backticks."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
