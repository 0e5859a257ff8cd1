"""A hook of mkdocs: links that leave docs/ become the path they lead to, because the site has only docs/.

On the repository's web view they stay links. The repository has no public address yet that they could lead to instead.
A link to a file that does not exist is a warning, which ends `mkdocs build --strict`.
"""
from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^\s*(```|~~~)")
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:")
LOG = logging.getLogger("mkdocs.hooks.docs_site")


def target_outside(page: str, link: str) -> str | None:
    """The repository's path that a link of docs/`page` leads to; None if it stays within docs/."""
    path = link.partition("#")[0]
    if not path or path.startswith("/") or SCHEME.match(link):
        return None
    inside = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), path))
    return None if inside == "docs" or inside.startswith("docs/") else inside


def without_outside_links(markdown: str, page: str) -> tuple[str, list[str]]:
    """The text with each such link replaced, and the paths that do not exist."""
    broken = []

    def replace(found: re.Match[str]) -> str:
        text, path = found.group(1), target_outside(page, found.group(2))
        if path is None:
            return found.group(0)
        if not (ROOT / path).exists():
            broken.append(path)
        # A text that only repeats the end of the path says nothing more than the path.
        return f"`{path}`" if path.endswith(text.strip("`")) else f"{text} (`{path}`)"

    lines, fenced = [], False
    for line in markdown.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        lines.append(line if fenced else LINK.sub(replace, line))
    return "\n".join(lines) + "\n", broken


def on_page_markdown(markdown: str, page, config, files) -> str:
    text, broken = without_outside_links(markdown, page.file.src_uri)
    for path in broken:
        LOG.warning("docs/%s has a link to %s, which does not exist", page.file.src_uri, path)
    return text
