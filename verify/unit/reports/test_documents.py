"""The documents at the root say what the program does."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import reports
from reports import cli, released

ROOT = Path(reports.__file__).parent.parent
README = ROOT / "README.md"


def examples():
    """Return (command, shown output) of the console blocks that need no evidence."""
    for block in re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        command, _, output = block.partition("\n")
        if command.startswith("$ batchlaws predict"):
            yield command.removeprefix("$ batchlaws "), output.strip()


def test_the_readme_has_examples_to_check():
    assert len(list(examples())) == 2


@pytest.mark.parametrize(("command", "output"), list(examples()))
def test_the_examples_of_the_readme_are_what_is_printed(command, output):
    done = CliRunner().invoke(cli.cli, shlex.split(command))
    assert (done.stdout + done.stderr).strip() == output


def test_the_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert str(citation["version"]) == reports.__version__
    assert f'version = "{reports.__version__}"' in project
    assert f"## [{reports.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_citation_file_has_the_required_keys():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert {"message", "title", "authors", "version", "date-released", "license"} <= set(citation)


def test_the_readme_names_every_verb_and_the_picture_is_there():
    text = README.read_text(encoding="utf-8")
    for verb in set(cli.VERBS) - {"doctor"}:
        assert f"batchlaws {verb}" in text or f"`{verb}`" in text, verb
    (picture,) = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)
    assert (ROOT / picture).stat().st_size < 100_000


def test_the_citation_in_the_readme_is_the_released_one_but_for_date_and_hash():
    def masked(text):
        return re.sub(r"[0-9a-f]{64}|[0-9]{4}-[0-9]{2}-[0-9]{2}", "*", text).strip()

    (shown,) = re.findall(
        r"\$ batchlaws cite gradient.variance\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    )
    assert masked(shown).count("*") == 2
    if "gradient.variance" in released.read().laws:
        assert masked(shown) == masked(CliRunner().invoke(cli.cli, ["cite", "gradient.variance"]).stdout)
