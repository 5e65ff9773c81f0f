"""docs/reference/cli.md is what the commands say of themselves."""

from tools.cli_reference import PAGE, main, render


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python tools/cli_reference.py"
    assert main(["--check"]) == 0


def test_it_names_every_verb_with_its_options() -> None:
    page = render()
    for heading in ("promptseg demo", "promptseg segment", "promptseg score", "promptseg models", "promptseg doctor"):
        assert f"## {heading}\n" in page
    assert "<code>--point X,Y[,+&#124;-]</code>" in page
    assert "Stands for" not in page
