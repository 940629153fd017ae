"""Every law of the catalogue satisfies the properties that are part of its evidence."""

from __future__ import annotations

import pytest

from theory import laws as catalogue
from verify.properties import laws


@pytest.mark.parametrize("law_id", catalogue.ids())
def test_a_law_meets_its_properties(law_id: str) -> None:
    """A third of the examples that the ledger's property channel tries."""
    found = laws.examine(catalogue.load(law_id), examples=20)
    failures = [f"{check['name']}: {check['failure']}" for check in found["checks"] if check["failure"]]
    assert not failures, "\n".join(failures)
    assert all(check["examples"] for check in found["checks"])
