"""Mutants of derivation steps: every small edit of every line must be caught by the replay.

Run ``python -m verify.selftest.steps [LAW...]``.  What a step supplies besides its line (definitions, the
instance of a cited law, charts) is edited too.  A mutant is *caught* if the step is no longer proved, *true* if
it is proved rightly: the line keeps its value in every world tried, the substitution its meaning, the chart
its domain.  Any other is *alive*: a hole in the checker.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from theory import equality, laws, oracle, proof
from theory.law import Law, Part, Step
from theory.mutants import mutations

__all__ = ["Tally", "mutate_law"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one law's step mutants, and descriptions of those alive."""

    law_id: str
    caught: int
    true: int
    alive: tuple[str, ...]

    @property
    def mutants(self) -> int:
        """Number of mutants that changed something."""
        return self.caught + len(self.alive)


def mutate_law(law: Law, *, limit: int | None = None) -> Tally:
    """Mutate every step of a law.

    Parameters
    ----------
    law : Law
        The law.
    limit : int, optional
        At most this many mutants a step, spread evenly (all by default).

    Returns
    -------
    Tally
    """
    caught, true, alive = 0, 0, []
    for part in law.parts:
        worlds = list(oracle.cases(law, part, seed=2, limit=12))
        previous = part.lhs
        for index, step in enumerate(part.derivation, start=1):
            edits = [(text, expr) for text, expr in mutations(step.expr) if expr != step.expr]
            stride = max(1, len(edits) // limit) if limit else 1
            for text, expr in edits[::stride]:
                check = proof.check_step(law, part, previous, replace(step, expr=expr))
                if check.answer != equality.PROVED:
                    caught += 1
                elif _still_true(part, expr, worlds):
                    true += 1
                else:
                    alive.append(f"{part.name} line {index} ({step.rule}): {text}")
            for text, where in _substitutions(step)[::stride]:
                check = proof.check_step(law, part, previous, replace(step, where=where))
                if check.answer != equality.PROVED:
                    caught += 1
                elif step.rule == "root" or (step.rule == "bound" and not text.startswith("difference")):
                    true += 1  # another chart that covers the domain proves the same
                else:
                    alive.append(f"{part.name} line {index} ({step.rule}): {text}")
            previous = step.expr
    return Tally(law.id, caught, true, tuple(alive))


def _still_true(part: Part, expr: sp.Basic, worlds: list[oracle.Context]) -> bool:
    """Say whether a line has the left side's value in every world, and in one at least."""
    met, agreed = proof.meaning(part, expr, worlds)
    return agreed and met > 0


def _substitutions(step: Step) -> list[tuple[str, dict[Any, Any]]]:
    """List the edits of what a step supplies, one value at a time; edits that keep its value are left out."""
    found = []
    for key, value in step.where.items():
        whole = sp.sympify(value)
        for text, edited in mutations(whole):
            if equality.equal(whole, edited).answer != equality.PROVED:
                found.append((f"{key}: {text}", {**step.where, key: edited}))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print the kill table; the exit code is 1 if a mutant is alive."""
    parser = argparse.ArgumentParser(prog="python -m verify.selftest.steps", description=__doc__)
    parser.add_argument("law", nargs="*", help="law ids (all by default)")
    wanted = parser.parse_args(argv).law or laws.ids()
    total = alive = 0
    print(f"{'law':36} {'mutants':>8} {'caught':>8} {'true':>6} {'alive':>6}")
    for law_id in wanted:
        tally = mutate_law(laws.load(law_id))
        total, alive = total + tally.mutants, alive + len(tally.alive)
        print(f"{law_id:36} {tally.mutants:8} {tally.caught:8} {tally.true:6} {len(tally.alive):6}", flush=True)
        for text in tally.alive:
            print(f"    alive: {text}")
    print(f"{total} mutants, {total - alive} caught, {alive} alive")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
