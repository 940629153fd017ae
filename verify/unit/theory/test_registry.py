"""What node families register stays theirs: a second owner is refused by name."""

from __future__ import annotations

import pytest
import sympy as sp

from theory import registry
from theory.balls import pi
from theory.evaluation import evaluate
from theory.nodes import bound  # noqa: F401 - registers the rule "bound"
from theory.nodes.spheres import Output
from theory.world import Context


def test_a_rule_has_one_owner() -> None:
    with pytest.raises(ValueError, match=r"rule 'bound' is registered twice: by theory\.nodes\.bound and by"):
        registry.rule("bound", "another")(lambda at: None)  # type: ignore[arg-type,return-value]


def test_a_node_has_one_meaning_and_one_source_of_worlds() -> None:
    with pytest.raises(ValueError, match=r"meaning of Output is registered twice: by theory\.nodes\.spheres"):
        registry.means(Output)(lambda node, world: 0)
    with pytest.raises(ValueError, match=r"worlds of Output is registered twice: by theory\.nodes\.spheres"):
        registry.worlds(Output)(lambda law, part, rng: iter(()))


def test_a_model_has_one_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "POPULATIONS", {})
    registry.model("coin")(lambda rng: [])
    with pytest.raises(ValueError, match="model 'coin' is registered twice"):
        registry.model("coin")(dict)


def test_pi_has_a_meaning_without_any_node_family() -> None:
    world = Context({"x": []}, "wor", {})
    assert abs(float(evaluate(sp.pi, world).value) - 3.141592653589793) < 1e-15
    assert evaluate(2 * sp.pi, world) == 2 * pi()
