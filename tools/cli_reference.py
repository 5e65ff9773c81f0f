"""Write docs/reference/cli.md from the command line itself: ``python tools/cli_reference.py [--check]``."""

import inspect
import sys
from pathlib import Path

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from promptseg.cli.main import VERBS, build_app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "cli.md"

HEAD = """# Command line

<!-- Written by tools/cli_reference.py. Change the commands, then run `python tools/cli_reference.py`. -->

Data go to standard output and words to standard error; progress bars appear on a terminal only. The exit status is
0 for success, 1 for an error that the message explains in one line, and 2 for a wrong use of the command line. With
`--json` a verb prints exactly one JSON object on standard output.
"""


def render() -> str:
    """The whole page."""
    root = typer.main.get_command(build_app(VERBS))
    return "\n".join([HEAD, *_sections(root, ("promptseg",), level=2)]).rstrip() + "\n"


def _sections(command: TyperCommand | TyperGroup, path: tuple[str, ...], *, level: int) -> list[str]:
    lines = [f"{'#' * level} {' '.join(path)}", ""]
    lines += [inspect.cleandoc(command.help or "").split("\f")[0].strip(), ""]
    lines += ["```text", " ".join([*path, *_usage(command)]), "```", ""]
    rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    if rows:
        lines += ["| word | meaning |", "|---|---|", *rows, ""]
    for name, child in getattr(command, "commands", {}).items():
        lines += _sections(child, (*path, name), level=level + 1)
    return lines


def _usage(command: TyperCommand | TyperGroup) -> list[str]:
    arguments = [_value_name(parameter) for parameter in command.params if isinstance(parameter, TyperArgument)]
    return ["[OPTIONS]", *arguments, *(["COMMAND ..."] if isinstance(command, TyperGroup) else [])]


def _row(parameter: TyperArgument | TyperOption) -> str:
    name = _code(_value_name(parameter)) if isinstance(parameter, TyperArgument) else _option_names(parameter)
    text = " ".join((getattr(parameter, "help", None) or "").split())
    notes = []
    if parameter.required:
        notes.append("required")
    if parameter.multiple:
        notes.append("may be repeated")
    if not (parameter.default is None or isinstance(parameter.default, bool) or parameter.default in ("", (), [])):
        notes.append(f"default: `{parameter.default}`")
    cell = text + (f" *({', '.join(notes)})*" if notes else "")
    return f"| {name} | {cell.replace('|', '&#124;')} |"


def _option_names(parameter: TyperOption) -> str:
    value = "" if parameter.is_flag else f" {_value_name(parameter)}"
    return ", ".join(_code(f"{name}{value}") for name in [*parameter.opts, *parameter.secondary_opts])


def _value_name(parameter: TyperArgument | TyperOption) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _code(text: str) -> str:
    """Code in a cell of a table; Markdown's dialects do not agree on a bar inside of backticks."""
    return f"<code>{text.replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` compare it; 1 if it differs."""
    page = render()
    if "--check" in arguments:
        current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        if current != page:
            print(f"{PAGE.name} is not up to date: run python tools/cli_reference.py")
            return 1
        return 0
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
