"""Extension of the API documentation: what docstrings write for readers of code becomes Markdown.

Roles such as ``:class:`~promptseg.types.Image``` become links, and doctests become blocks of code.
"""

import re

import griffe

ROLE = re.compile(r":(?:class|func|meth|attr|mod|data|exc):`(~?)([\w.]+)`")


class DocstringMarkdown(griffe.Extension):
    """Rewrites every docstring when it is collected."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Called by griffe for each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(text: str) -> str:
    """The docstring with its roles as links and its doctests as fenced code."""
    return _fenced(ROLE.sub(_link, text))


def _link(role: re.Match[str]) -> str:
    short, path = role.groups()
    name = path.rpartition(".")[2] if short or path.startswith("promptseg.") else path
    return f'<autoref identifier="{path}" optional><code>{name}</code></autoref>'


def _fenced(text: str) -> str:
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        starts, ends = line.lstrip().startswith(">>>"), not line.strip()
        if starts and not inside:
            lines += ["", "```pycon"]
            inside = True
        if ends and inside:
            lines.append("```")
            inside = False
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines)
