"""From a law to its page: the real runner, store and ledger on one cheap law; nothing is imitated but the catalogue."""

import json

import pytest
from click.testing import CliRunner

from reports import cli, selftest
from reports.commands import report as verb
from theory import laws
from verify import ledger
from verify.store import Store


def run(*arguments):
    return CliRunner().invoke(cli.cli, [str(a) for a in arguments], prog_name="batchlaws")


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Let the catalogue be one law that is verified within seconds."""
    law = laws.load("gradient.complement")
    monkeypatch.setattr(verb, "select", lambda patterns: (law,))
    monkeypatch.setattr(selftest, "sections", lambda members: [selftest.steps(members)])
    monkeypatch.setenv("BATCHLAWS_CACHE", str(tmp_path / "cache"))
    return law


def test_a_law_is_verified_written_and_cited(small, tmp_path):
    out = tmp_path / "site"
    done = run("report", "--out", out, "--engine", "serial")
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "1 laws: 1 verified, 0 refuted, 0 inconclusive" in done.stdout
    assert str(out / "index.html") in done.stdout and "took" in done.stdout
    page = (out / "laws" / "gradient.complement.html").read_text()
    assert "verified" in page and "not replayed" not in page and "not refuted yet" not in page
    document = json.loads((out / "ledger" / "gradient.complement.json").read_text())
    assert document["verdict"] == "verified" and document["hash"] in page
    assert ledger.read(out / "ledger") == {small.id: document}

    first = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = run("report", "--out", out, "--engine", "serial")
    assert again.exit_code == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == first

    found = json.loads(run("cite", small.id, "--store", tmp_path / "cache" / "store.sqlite", "--json").stdout)
    assert found["result"]["evidence_sha256"] == document["hash"]
    (shown,) = json.loads(run("list", "--family", "gradient", "--status", "verified", "--json").stdout)
    assert shown["id"] == small.id
    assert "is verified" in run("why", small.id).stdout


def test_an_unusable_output_folder_keeps_the_evidence(small, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.txt").write_text("dear")
    done = run("report", "--out", tmp_path / "site", "--engine", "serial")
    assert done.exit_code == 2
    assert "holds other things" in done.stderr and "the evidence is kept in" in done.stderr
    with Store(tmp_path / "cache" / "store.sqlite") as records:
        assert records.totals(small.id).records > 0


def test_an_unknown_engine_is_named(small, tmp_path):
    done = run("report", "--out", tmp_path / "site", "--engine", "abacus")
    assert done.exit_code == 2 and "abacus" in done.stderr and not (tmp_path / "site").exists()


def test_a_check_that_breaks_down_leaves_its_law_open(small, tmp_path, monkeypatch):
    from verify import run as runner

    def broken(*arguments, **options):
        raise runner.TaskFailed("gradient.complement enumeration: RuntimeError: a bug")

    monkeypatch.setattr(runner, "verify", broken)
    done = run("report", "--out", tmp_path / "site", "--engine", "serial")
    assert done.exit_code == 3
    assert "a check broke down: gradient.complement enumeration" in done.stderr
    assert "untested" in (tmp_path / "site" / "laws" / "gradient.complement.html").read_text()


def test_the_self_test_sections_report_what_was_caught(small):
    steps = selftest.steps([small])
    assert steps.rows and all(row["got through"] == "0" for row in steps.rows)
    (row,) = steps.rows
    assert int(row["edits"]) == int(row["caught"]) > 0
