"""Notices a foreign package in the place of one of ours: `sim`, `verify`, `theory` and `reports` are common names."""

from __future__ import annotations

import importlib.util
from pathlib import Path

__all__ = ["PACKAGES", "locations", "shadows"]

PACKAGES = ("theory", "sim", "verify", "reports")


def locations() -> dict[str, Path | None]:
    """Return the folder each root package would be imported from (None: not importable)."""
    found: dict[str, Path | None] = {}
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        places = list(spec.submodule_search_locations or []) if spec else []
        found[name] = Path(places[0]).resolve() if places else None
    return found


def shadows(*, home: Path | None = None) -> list[str]:
    """Say which root packages come from elsewhere than the one this file belongs to.

    Parameters
    ----------
    home : Path, optional
        The folder that should hold all four packages; the parent of `reports` by default.

    Returns
    -------
    list of str
        One sentence a package; empty when all four stand side by side.
    """
    root = (home or Path(__file__).parent.parent).resolve()
    messages = []
    for name, place in locations().items():
        if place is None:
            messages.append(f"the package {name!r} is missing; expected it at {root / name}")
        elif place != root / name:
            messages.append(
                f"a foreign package {name!r} at {place} hides ours at {root / name}; "
                "run from another folder or remove it from PYTHONPATH"
            )
    return messages
