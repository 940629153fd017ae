"""The machine is named, and kernels forced from outside are noticed."""

from __future__ import annotations

import numpy as np

from sim.bench import machine


def test_the_machine_is_named() -> None:
    found = machine.describe()
    assert found["processor"] and found["cores"] >= 1 and found["numpy"] == np.__version__
    assert found["kernel"] != "unknown"


def test_nothing_forced_is_nothing_to_say(monkeypatch) -> None:
    for name in machine.FORCING:
        monkeypatch.delenv(name, raising=False)
    assert machine.held_back() is None
    assert machine.describe()["forced"] == {}


def test_a_forced_kernel_is_named_with_the_own_choice(monkeypatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Odd")
    monkeypatch.setattr(machine, "_kernel", lambda e: "Odd" if "OPENBLAS_CORETYPE" in e else "SkylakeX")
    said = machine.held_back()
    assert said is not None and "OPENBLAS_CORETYPE=Odd" in said and "the Odd kernels instead of SkylakeX" in said


def test_forcing_the_own_choice_is_nothing_to_say(monkeypatch) -> None:
    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setattr(machine, "_kernel", lambda e: "Haswell")
    assert machine.held_back() is None
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "512")
    said = machine.held_back()
    assert said is not None and "another cache size" in said
