"""The documentation of the routes as one page, written from their OpenAPI description, that loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import urlsplit

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d9dee3, #2b333b); --quiet: light-dark(#5f6b76, #9aa6b1);
  --ground: light-dark(#fff, #11151a); --raised: light-dark(#f7f8fa, #181e25); --text: light-dark(#14181c, #e8ecef);
  --link: light-dark(#0b6fb8, #58aef0) }
body { margin: 0 auto; max-width: 52rem; padding: 2rem 1rem 4rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.75rem; margin: 0 } h2 { font-size: 1.05rem; margin: 0; font-family: ui-monospace, monospace }
section { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin-top: 1rem }
h2 b { color: var(--link); margin-right: .5rem } h2, td { overflow-wrap: anywhere } p { margin: .5rem 0 0 }
pre { background: var(--raised); border-radius: .5rem; padding: .75rem; overflow-x: auto; margin: .75rem 0 0;
  font-size: .85rem }
table { border-collapse: collapse; margin-top: .75rem; width: 100%; font-size: .9rem }
td { border-top: 1px solid var(--line); padding: .3rem .75rem .3rem 0; vertical-align: top }
td:first-child { width: 9.5rem }
@media (max-width: 30rem) { td { display: block } td:first-child { width: auto } td + td { border: 0; padding-top: 0 } }
td + td, .quiet { color: var(--quiet) } code { font-family: ui-monospace, monospace } a { color: var(--link) }
"""
EXAMPLES = {
    "post /predictions": ("-X POST -T predictions.parquet", "'{api}/predictions?name=predictions.parquet'"),
    "put /predictions/{id}/columns": (
        """-X PUT --json '{{"positive": "fraud"}}'""",
        "{api}/predictions/ID/columns",
    ),
    "post /predictions/{id}/tune": (
        """--json '{{"rule": "precision", "parameters": {{"at_least": 0.9}}}}'""",
        "{api}/predictions/ID/tune",
    ),
    "post /predictions/{id}/tune_labels": (
        """--json '{{"method": "scut", "rule": "f1"}}'""",
        "{api}/predictions/ID/tune_labels",
    ),
    "get /predictions/{id}/curve": ("{api}/predictions/ID/curve",),
    "delete /predictions/{id}": ("-X DELETE", "{api}/predictions/ID"),
}  # what follows the token in a call of curl, line by line


def docs_page(schema: Mapping[str, Any], api: str) -> str:
    """An HTML page of the operations in an OpenAPI schema; `api` is their address, as in "http://localhost:8501/api"."""
    sections = "".join(
        _section(schema, method, path, operation, api)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Cutoff API</title><style>{STYLE}</style></head>
<body><h1>Cutoff API</h1>
<p class="quiet">Send the token of this server with every request. Errors are JSON: <code>detail</code> is a sentence,
<code>repair</code> are choices that mend it. All of this as <a href="{api}/openapi.json">OpenAPI</a>.</p>
{sections}</body></html>"""


def _section(schema: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any], api: str) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_with_code(said)}</td></tr>"
        for name, said in _parameters(schema, operation)
    )
    lines = ['curl -H "Authorization: Bearer $CUTOFF_API_TOKEN"', *EXAMPLES[f"{method} {path}"]]
    curl = " \\\n  ".join(lines).format(api=api)
    return (
        f"<section><h2><b>{method.upper()}</b>{escape(urlsplit(api).path + path)}</h2>"
        f"<p>{_with_code(' '.join(operation['description'].split()))}</p>"
        f"{f'<table>{rows}</table>' if rows else ''}<pre><code>{escape(curl)}</code></pre></section>"
    )


def _with_code(text: str) -> str:
    """Text as HTML, with what stands in backticks as code."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


def _parameters(schema: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and meaning of what an operation takes in its address and as JSON."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            yield parameter["name"], parameter.get("description", "")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if reference := body.get("schema", {}).get("$ref"):
        model = schema["components"]["schemas"][reference.rpartition("/")[2]]
        for name, field in model["properties"].items():
            yield name, field.get("description", "")
