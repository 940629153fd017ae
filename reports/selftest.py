"""What the self-test page tells beyond the rivals: broken steps, broken samplers and the judge's own error rates."""

from __future__ import annotations

from collections.abc import Iterable

from reports.page import Section
from theory.law import Law

__all__ = ["EDITS", "RUNS", "errors", "samplers", "sections", "steps"]

EDITS = 2
"""Edits tried on each line of a derivation; `python -m verify.selftest.steps` tries all of them."""

BATCHES = 200_000
"""Batches drawn from each sampler."""

RUNS = 4_000
"""Repetitions of the error rates at the coarse levels."""

SEED = 20261124


def sections(laws: Iterable[Law]) -> list[Section]:
    """Break things on purpose and return what was caught.

    Parameters
    ----------
    laws : iterable of Law
        Whose derivations are edited, one after another.

    Returns
    -------
    list of Section
        The same every time: edits and streams are fixed.
    """
    return [steps(laws), samplers(), errors()]


def steps(laws: Iterable[Law]) -> Section:
    """Edit the lines of the derivations (a sign, an exponent, an off-by-one) and count what the replay caught."""
    from verify.selftest.steps import mutate_law

    tallies = [mutate_law(law, limit=EDITS) for law in laws]
    caught, total = sum(t.caught for t in tallies), sum(t.mutants for t in tallies)
    alive = [f"{t.law_id}: {text}" for t in tallies for text in t.alive]
    said = "none got through" if not alive else f"these got through: {'; '.join(alive)}"
    rows = [
        {"law": t.law_id, "edits": str(t.mutants), "caught": str(t.caught), "got through": str(len(t.alive))}
        for t in tallies
    ]
    return Section(
        "Wrong steps",
        f"A sample of the lines of every derivation was edited: a sign, a coefficient, an "
        f"exponent, an off-by-one. Of {total} edits that change the value, {caught} were caught; {said}.",
        rows,
    )


def samplers() -> Section:
    """Hold broken samplers, and the honest one, against the laws of inclusion."""
    from verify.selftest import samplers as faults

    found = faults.table(BATCHES, seed=SEED)
    wrong = [row for row in found if row[0] != "honest"]
    honest = [row for row in found if row[0] == "honest"]
    rows = []
    for name, population, batch, finding in found:
        verdict = (
            f"refuted: {finding.broken}" if finding.broken else "refuted" if finding.caught else "not refuted"
        )
        rows.append(
            {
                "sampler": name,
                "N": str(population),
                "B": str(batch),
                "batches": f"{finding.n:,}",
                "items (log wealth)": "" if finding.items is None else f"{finding.items:.1f}",
                "pairs (log wealth)": "" if finding.pairs is None else f"{finding.pairs:.1f}",
                "verdict": verdict,
            }
        )
    return Section(
        "Wrong samplers",
        "Every item must be in a batch with probability B/N, every pair with "
        "B(B-1)/(N(N-1)). "
        f"Of {len(wrong)} samplers with one fault each, {sum(r[3].caught for r in wrong)} were caught; the "
        f"honest one was wrongly accused in {sum(r[3].caught for r in honest)} of {len(honest)} sizes.",
        rows,
    )


def errors() -> Section:
    """Measure how often the judge errs: by repetition at a coarse level, by change of measure at the working one."""
    import numpy as np

    from verify.selftest import calibration

    rng = np.random.default_rng(SEED)
    rows = []
    for alpha in (0.05, 0.01):
        for what, count in (
            ("true law refuted", calibration.false_refutations),
            ("law off by the tolerance verified", calibration.false_verifications),
        ):
            rate = count(alpha, RUNS, rng=rng)
            rows.append(
                {
                    "stated": f"{alpha:g}",
                    "error": what,
                    "measured": f"{rate.share:.4f}",
                    "how": f"{rate.hits} of {rate.runs:,} runs; upper 99 % limit {rate.upper:.4f}",
                }
            )
    for alpha in (1e-3, 1e-6):
        share, spread = calibration.tail_refutation(alpha, 600, rng=rng)
        rows.append(
            {
                "stated": f"{alpha:g}",
                "error": "true law refuted",
                "measured": f"{share:.2g}",
                "how": f"change of measure, standard error {spread:.1g}",
            }
        )
    return Section(
        "Error rates of the judge",
        "A stated error rate is a promise; here is what was measured on a "
        "population whose distribution is enumerated, with a look after each block of draws.",
        rows,
    )
