"""Just enough C++ reading for tools/tidy.py: text without comments and literals, and where functions begin and end."""
from __future__ import annotations

import re
from collections.abc import Iterator

LITERALS = re.compile(
    r'R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"'    # raw string
    r'|"(?:\\.|[^"\\\n])*"'                          # string
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'"          # character, but no digit separator
    r"|//[^\n]*|/\*.*?\*/", re.DOTALL)

TYPE_HEAD = re.compile(r"^(?:template\s*<.*>\s*)?(?:typedef\s+)?(?:class|struct|union|enum)\b", re.DOTALL)
SCOPE_HEAD = re.compile(r'^(?:inline\s+)?namespace\b|^extern\s*""$')
FUNCTION_END = re.compile(r"\)\s*(?:const|noexcept|override|final|mutable|&&?|->\s*[\w:<>,&*\s]+|try|\s)*$")
NAME = re.compile(r"([~\w:]+)\s*\(")


def code_only(text: str) -> str:
    """The text with comments and the content of literals blanked, lines kept."""

    def blank(found: re.Match) -> str:
        piece = found.group(0)
        newlines = "\n" * piece.count("\n")
        return '""' + newlines if piece.startswith(('"', "R")) else newlines or " "

    return LITERALS.sub(blank, text)


def _kind(head: str) -> str:
    """What a brace after `head` opens: a scope, a type, a function, or something else."""
    head = head.strip()
    if SCOPE_HEAD.search(head):
        return "scope"
    if TYPE_HEAD.search(head) and not FUNCTION_END.search(head):
        return "type"
    if "(" in head and not head.rstrip().endswith(("=", "return", ",")):
        return "function"
    return "other"


def functions(text: str) -> Iterator[tuple[int, int, str]]:
    """(first line, last line, name) of each function body that stands in a namespace or a type."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda found: "\n" * found.group(0).count("\n"), code_only(text),
                  flags=re.MULTILINE)
    stack: list[tuple[str, int, str]] = []  # kind, first line, name
    head, head_line, line, parentheses = "", 1, 1, 0
    for character in code:
        outside = all(kind in ("scope", "type") for kind, _, _ in stack)
        if character == "\n":
            line += 1
        if character == "{":
            kind = _kind(head) if outside and parentheses == 0 else "other"
            found = NAME.search(head)
            stack.append((kind, head_line, found.group(1) if found else "?"))
            if kind == "other":
                continue
            head, parentheses = "", 0
        elif character == "}":
            if stack:
                kind, first, name = stack.pop()
                if kind == "function":
                    yield first, line, name
                if kind == "other":
                    continue
            head, parentheses = "", 0
        elif outside:
            parentheses += (character == "(") - (character == ")")
            if character == ";" and parentheses == 0:
                head = ""
                continue
            if not head.strip():
                head, head_line = "", line
            head += character
            if head.strip() in ("public:", "private:", "protected:"):
                head = ""
