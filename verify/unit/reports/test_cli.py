"""The command line: what goes to stdout, what to stderr, and the exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from reports import cli, release, released
from reports.commands import new as forms
from reports.commands import verify as verbs
from theory import laws
from verify.unit.reports import fake

ROOT = Path(cli.__file__).parent.parent


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep every test away from the user's store."""
    monkeypatch.setenv("BATCHLAWS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def released_edition(tmp_path, monkeypatch):
    """Put an edition with one law in the place of the released ledger."""
    folder = tmp_path / "edition"
    release.write([fake.law()], [fake.document()], folder, date="2026-11-24", profile="standard")
    monkeypatch.setattr(released, "folder", lambda: folder)
    return folder


def run(*arguments):
    return CliRunner().invoke(cli.cli, [str(a) for a in arguments], prog_name="batchlaws")


def test_predict_answers_exactly():
    done = run("predict", "gradient.variance", "N=8", "B=3", "sigma2=1", "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["exact"] == "5/21" and found["value"] == pytest.approx(5 / 21, rel=1e-15)
    assert set(found) >= {"id", "version", "inputs", "value", "exact", "assumptions"}
    assert found["inputs"] == {"N": 8, "B": 3, "sigma2": 1, "design": "wor"}


def test_predict_takes_a_decimal_for_what_it_says():
    found = json.loads(run("predict", "gradient.variance", "N=8", "B=3", "sigma2=0.1", "--json").stdout)
    assert found["exact"] == "1/42" and found["inputs"]["sigma2"] == "1/10"


def test_predict_shows_its_assumptions():
    shown = run("predict", "gradient.variance", "N=8", "B=3", "sigma2=1").stdout
    assert (
        "5/21 = 0.238095" in shown
        and "assuming frozen" in shown
        and "@1/variance = sigma2*(N - B)/(B*(N - 1))" in shown
    )


def test_predict_over_a_range():
    done = run("predict", "gradient.variance", "N=8", "B=1:8", "sigma2=1", "--json")
    found = json.loads(done.stdout)
    assert found["exact"] == ["1", "3/7", "5/21", "1/7", "3/35", "1/21", "1/49", "0"]
    assert found["inputs"] == {"N": 8, "B": list(range(1, 9)), "sigma2": 1, "design": "wor"}


def test_predict_of_another_part_and_design():
    found = json.loads(
        run(
            "predict", "gradient.cumulants", "--part", "third", "N=8", "B=2", "mu3=1", "design=wr", "--json"
        ).stdout
    )
    assert (found["part"], found["exact"]) == ("third", "1/4")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("gradient.variance", "N=5", "B=9"), "the batch of 9 exceeds the 5 samples"),
        (("gradient.variance", "N=8", "B=3"), "parameter sigma2 is missing"),
        (("gradient.variance", "N=8", "B=3", "sigma=1"), "did you mean sigma2?"),
        (("gradient.variance", "N=8", "B=2.5", "sigma2=1"), "B = 5/2 is not allowed"),
        (("gradient.variance", "N=8", "B=0", "sigma2=1"), "an integer >= 1"),
        (("gradient.variance", "N=8", "B=3", "sigma2=nan"), "finite"),
        (("gradient.variance", "N=8", "B=3", "sigma2=__import__('os')"), "not a number"),
        (("gradient.variance", "N=8", "N=9"), "given twice"),
        (("gradient.variance", "N=8", "B=1,2", "sigma2=1,2,3"), "equal lengths"),
        (("gradient.variance", "--part", "nope"), "has no part"),
        (("gradient.variense",), "did you mean gradient.variance"),
    ],
)
def test_predict_refuses_with_a_sentence(arguments, complaint):
    done = run("predict", *arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr and done.stdout == ""
    assert "Traceback" not in done.stderr


def test_list_has_every_law_and_the_contracts_keys():
    done = run("list", "--json")
    found = json.loads(done.stdout)
    assert [law["id"] for law in found] == list(laws.ids())
    keys = {
        "id",
        "version",
        "title",
        "family",
        "exactness",
        "claims",
        "status",
        "channels",
        "rivals",
        "sources",
        "axioms",
    }
    assert all(set(law) == keys for law in found)
    assert "no store" in done.stderr


def test_list_reads_the_release_and_knows_what_is_stale(released_edition):
    words = {law["id"]: law["status"] for law in json.loads(run("list", "--json").stdout)}
    assert words[fake.LAW_ID] == "verified" and words["gradient.unbiased"] == "untested"
    release.write(
        [fake.law()], [fake.document(spec="0" * 64)], released_edition, date="2026-11-24", profile="standard"
    )
    done = run("list", "--json", "--status", "stale")
    assert [law["id"] for law in json.loads(done.stdout)] == [fake.LAW_ID]
    assert "released ledger of 2026-11-24" in done.stderr


def test_list_by_family():
    found = json.loads(run("list", "--family", "gradient", "--json").stdout)
    assert found and all(law["family"] == "gradient" for law in found)
    done = run("list", "--family", "gardens")
    assert done.exit_code == 2 and "the families are" in done.stderr


def test_show_tells_the_whole_law():
    shown = run("show", "gradient.variance").stdout
    for piece in (
        "batchlaws:gradient.variance@1",
        "E[",
        "parameters",
        "derivation",
        "rivals",
        "after cochran1977",
    ):
        assert piece in shown
    found = json.loads(run("show", "batchlaws:gradient.variance@1", "--json").stdout)
    assert found["parts"][0]["latex"].startswith(r"\operatorname{E}")
    assert found["spec"] == fake.law().spec_hash


def test_cite_in_every_format(released_edition):
    for style in ("text", "bibtex", "csl", "cff"):
        done = run("cite", fake.LAW_ID, "--format", style)
        assert done.exit_code == 0 and "gradient.variance" in done.stdout
    assert json.loads(run("cite", fake.LAW_ID, "--json").stdout)["result"]["verdict"] == "verified"


def test_cite_refuses_what_has_no_evidence(released_edition):
    done = run("cite", "gradient.unbiased")
    assert done.exit_code == 2 and "run: batchlaws verify gradient.unbiased" in done.stderr
    done = run("cite", "gradient.variance@7")
    assert done.exit_code == 2 and "version 7" in done.stderr


def test_cite_says_when_a_result_is_not_verified(released_edition):
    release.write(
        [fake.law()],
        [fake.document(verdict="refuted")],
        released_edition,
        date="2026-11-24",
        profile="standard",
    )
    assert "refuted, not verified" in run("cite", fake.LAW_ID).stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["verified", "verified"], 0),
        (["verified", "refuted"], 1),
        (["inconclusive", "verified"], 3),
        (["inconclusive", "refuted"], 1),
        (["untested"], 3),
    ],
)
def test_verify_exit_codes(monkeypatch, words, code):
    documents = [fake.document(id=f"law.l{k}", verdict=word) for k, word in enumerate(words)]
    monkeypatch.setattr(verbs, "gather", lambda chosen, **options: documents)
    done = run("verify", "gradient", "--json")
    assert done.exit_code == code
    found = json.loads(done.stdout)
    assert sum(found["verdicts"].values()) == len(words)
    assert [law["verdict"] for law in found["laws"]] == words


def test_verify_takes_families_and_refuses_strangers(monkeypatch):
    asked = []
    monkeypatch.setattr(
        verbs, "gather", lambda chosen, **options: asked.append([law.id for law in chosen]) or []
    )
    run("verify", "gradient.*")
    run("verify", "gradient", "sampling.bilinear", "gradient.variance")
    family = [law for law in laws.ids() if law.startswith("gradient.")]
    assert asked == [family, [*family, "sampling.bilinear"]]
    done = run("verify", "gradiant.variance")
    assert done.exit_code == 2 and "did you mean" in done.stderr


def test_verify_writes_the_ledger(monkeypatch, tmp_path):
    monkeypatch.setattr(verbs, "gather", lambda chosen, **options: [fake.document()])
    assert run("verify", "gradient.variance", "--ledger", tmp_path / "out").exit_code == 0
    assert json.loads((tmp_path / "out" / "gradient.variance.json").read_text()) == fake.document()


def test_a_release_is_of_the_whole_catalogue():
    done = run("verify", "gradient", "--release")
    assert done.exit_code == 2 and "whole catalogue" in done.stderr


def test_an_unusable_store_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    done = run(
        "verify", "gradient.unbiased", "--store", tmp_path / "file" / "store.sqlite", "--engine", "serial"
    )
    assert done.exit_code == 2 and "Traceback" not in done.stderr
    (tmp_path / "text.sqlite").write_text("this is no database, but a poem of some length" * 40)
    done = run("list", "--store", tmp_path / "text.sqlite")
    assert done.exit_code == 2 and "text.sqlite" in done.stderr


def test_why_before_anything_was_computed():
    done = run("why", "gradient.variance")
    assert done.exit_code == 0 and "batchlaws verify gradient.variance" in done.stdout


def test_new_writes_a_form_that_loads(tmp_path):
    done = run("new", "noise_scale.simple", "--into", tmp_path)
    path = tmp_path / "noise_scale" / "simple.py"
    assert done.exit_code == 0 and done.stdout.strip() == str(path)
    assert (tmp_path / "noise_scale" / "__init__.py").read_text().startswith('"""')
    scope: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    assert scope["LAW"].id == "noise_scale.simple"
    assert "family.name" not in path.read_text()


@pytest.mark.parametrize(
    "law_id",
    ["Single", "single", "a..b", "../x.y", "a.b-c", "A.b", "a.b.c.d.e", "a.", "class.law", "a.b\n", "1a.b"],
)
def test_new_refuses_what_is_no_id(law_id, tmp_path):
    done = run("new", law_id, "--into", tmp_path)
    assert done.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_new_never_overwrites(tmp_path):
    run("new", "family.law", "--into", tmp_path)
    (tmp_path / "family" / "law.py").write_text("mine")
    done = run("new", "family.law", "--into", tmp_path)
    assert done.exit_code == 2 and (tmp_path / "family" / "law.py").read_text() == "mine"
    done = run("new", "family.law.deeper", "--into", tmp_path)
    assert done.exit_code == 2 and "is a law already" in done.stderr


def test_new_writes_into_the_catalogue_by_default():
    assert forms._folder() == ROOT / "theory" / "laws"


def test_doctor_names_what_it_stands_on(cache):
    done = run("doctor")
    assert (
        "numpy" in done.stdout and str(cache) in done.stdout and "fonts of the pages: 4 of 4" in done.stdout
    )


def test_bench_refuses_an_unknown_workload():
    done = run("bench", "juggling")
    assert done.exit_code == 2 and "the workloads are" in done.stderr


def test_an_interruption_ends_with_130(monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "gather", interrupted)
    done = run("verify", "gradient.variance")
    assert done.exit_code == 130 and "kept" in done.stderr


@pytest.mark.parametrize("verb", list(cli.VERBS))
def test_every_option_of_every_verb_is_explained(verb):
    command = cli.cli.get_command(click.Context(cli.cli), verb)
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{verb} {parameter.opts}"
    done = run(verb, "-h")
    assert done.exit_code == 0 and "Usage: batchlaws" in done.stdout


def test_unknown_verbs_and_options_are_usage_errors():
    assert run("conjure").exit_code == 2
    assert run("list", "--colour").exit_code == 2


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["cite", "gradient.variance"]])
def test_light_verbs_load_nothing_heavy(arguments, released_edition, tmp_path):
    code = (
        "import sys, pathlib; from reports import cli, released;"
        f"released.folder = lambda: pathlib.Path({str(released_edition)!r})\n"
        "try: cli.cli.main(sys.argv[1:], prog_name='batchlaws')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print([m for m in ('sympy', 'pandas', 'matplotlib', 'numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_colors_in_a_pipe():
    done = subprocess.run(
        [sys.executable, "-m", "reports", "list"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "\x1b" not in done.stdout + done.stderr


def test_a_crash_is_no_refutation(monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("a bug")

    monkeypatch.setattr(verbs, "gather", broken)
    done = run("verify", "gradient.variance")
    assert done.exit_code == cli.CRASH and "RuntimeError: a bug" in done.stderr


def test_a_closed_pipe_is_no_refutation():
    command = f"{sys.executable} -m reports list --json | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and "Traceback" not in done.stderr
