"""Cells: the smallest things that can be verified, each named by the hash of all that it depends on."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import TYPE_CHECKING, Any

from theory import registry
from verify import canonical, fingerprint, plan

if TYPE_CHECKING:
    from theory.law import Experiment, Law

__all__ = ["DRAWN", "PROFILES", "STATIC", "STATISTIC_VERSION", "Cell", "cells", "profile_rank"]

PROFILES = ("smoke", "standard", "deep")
"""From the shortest to the longest; an experiment of one profile is part of all longer ones."""

STATISTIC_VERSION = 1
"""Changes when the same replicates would give other payloads or other verdicts: a new cell, new draws."""

STATIC = ("derivation", "enumeration", "property")
"""Channels with one cell a law."""

DRAWN = ("monte_carlo", "network")
"""Channels whose cells come from the law's experiments."""

_CODE = {"derivation": "theory.proof", "enumeration": "theory.oracle", "property": "verify.properties.laws"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Parameters
    ----------
    id : str
        SHA-256 of the canonical JSON of `record`.
    record : mapping
        Law, version, specification, part, channel, probe, parameters, delta, alpha, size of the pilot, code, stream,
        salt.
    setting : mapping
        What the probe is given (empty for static cells).
    experiment : Experiment or None
        Where it comes from.
    """

    id: str
    record: Mapping[str, Any]
    setting: Mapping[str, Any]
    experiment: Experiment | None = None

    @property
    def channel(self) -> str:
        """Kind of evidence."""
        return str(self.record["channel"])

    @property
    def part(self) -> str:
        """Part of the law it tests; empty for all."""
        return str(self.record["part"])

    @property
    def drawn(self) -> bool:
        """Whether it is judged on random draws."""
        return self.channel in DRAWN and self.record["probe"] != "enumerate"

    @property
    def label(self) -> str:
        """A short name for messages."""
        shown = ", ".join(f"{k}={v}" for k, v in sorted(self.record["params"].items()))
        return f"{self.record['law']} {self.channel}" + (f" ({shown})" if shown else "")


def profile_rank(profile: str) -> int:
    """Return the place of a profile in `PROFILES`.

    Raises
    ------
    ValueError
        For an unknown profile.
    """
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}: allowed are {', '.join(PROFILES)}")
    return PROFILES.index(profile)


def cells(law: Law, *, profile: str = "standard", salt: str = "", probes: str = "sim.probes",
          populations: str = "sim.populations", laws: str = "theory.laws") -> tuple[Cell, ...]:
    """List the cells of a law.

    Parameters
    ----------
    law : Law
        The law.
    profile : {"smoke", "standard", "deep"}
        Which experiments.
    salt : str
        Part of the name of every cell: another salt, other draws.
    probes, populations, laws : str
        Modules that hold the probes, the populations and the catalogue.

    Returns
    -------
    tuple of Cell
        Static cells first, then the grids of the experiments in their order.

    Raises
    ------
    ValueError
        For an unknown profile, channel or design, or a grid value that is not plain.
    """
    rank = profile_rank(profile)
    found = [_static(law, channel, salt, laws) for channel in law.requires if channel in STATIC]
    for experiment in law.experiments:
        if profile_rank(experiment.profile) <= rank:
            found += _grid(law, experiment, salt, probes, populations)
    twice = [c for c, n in _count(found).items() if n > 1]
    if twice:
        label = next(c.label for c in found if c.id == twice[0])
        raise ValueError(f"{label}: two experiments of the law have this same cell")
    return tuple(found)


def _count(found: list[Cell]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cell in found:
        counts[cell.id] = counts.get(cell.id, 0) + 1
    return counts


def _cell(record: dict[str, Any], setting: Mapping[str, Any], experiment: Experiment | None) -> Cell:
    return Cell(canonical.digest(record), record, setting, experiment)


def _common(law: Law, channel: str, part: str, salt: str) -> dict[str, Any]:
    return {"law": law.id, "version": law.version, "spec": law.spec_hash, "channel": channel, "part": part,
            "salt": salt, "statistic": STATISTIC_VERSION, "params": {}, "probe": ""}


def _static(law: Law, channel: str, salt: str, laws: str) -> Cell:
    load = importlib.import_module(laws).load
    record = _common(law, channel, "", salt)
    record["code"] = fingerprint.closure(_CODE[channel], *registry.modules(law))
    record["uses"] = {name: load(name).spec_hash for name in sorted(law.uses)}
    return _cell(record, {}, None)


def _grid(law: Law, experiment: Experiment, salt: str, probes: str, populations: str) -> list[Cell]:
    if experiment.channel not in DRAWN:
        raise ValueError(f"{law.id}: an experiment names channel {experiment.channel!r}; "
                         f"allowed are {', '.join(DRAWN)}")
    part = law.part(experiment.part).name
    out = []
    for combination in itertools.product(*experiment.grid.values()):
        params = {**experiment.fixed, **dict(zip(experiment.grid, combination, strict=True))}
        chosen = params.get("design")
        if chosen is not None and chosen not in law.designs:
            raise ValueError(f"{law.id}: an experiment has design {chosen!r}; "
                             f"the law speaks of {', '.join(law.designs)}")
        record = _common(law, experiment.channel, part, salt)
        record["spec"] = law.claim_hash(part)  # another derivation of the same claim needs no new draws
        record["probe"] = experiment.probe
        record["params"] = {name: _plain(law.id, name, value) for name, value in params.items()}
        if experiment.probe == "enumerate":
            # The populations may live in a module of their own, and so do those of a test.
            record["code"] = fingerprint.closure("theory.oracle", populations, *registry.modules(law))
        else:
            record["code"] = {f"{probes}.{experiment.probe}":
                              importlib.import_module(probes).fingerprint(experiment.probe)[:16]}
            record["stream"] = _stream_version()
            record["times"] = str(experiment.times)
            record["delta"] = str(Fraction(experiment.delta))
            record["alpha"] = plan.ALPHA
            record["pilot"] = plan.PILOT
        out.append(_cell(record, {"probe": experiment.probe, **params}, experiment))
    return out


def _stream_version() -> int:
    from sim import streams

    return streams.STREAM_VERSION


def _plain(law: str, name: str, value: Any) -> Any:
    """Return a grid value as plain JSON: fractions as "p/q", tuples as lists."""
    if isinstance(value, (tuple, list)):
        return [_plain(law, name, entry) for entry in value]
    if isinstance(value, (str, bool)) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Rational):
        return str(Fraction(value))
    if isinstance(value, Real):
        return float(value)
    raise ValueError(f"{law}: {name} = {value!r} of an experiment is not a number or a word")
