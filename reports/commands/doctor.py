"""The verb `doctor`: what this installation stands on, and whether its places are usable."""

from __future__ import annotations

import os
import platform
from importlib import metadata, resources
from pathlib import Path

import click

from reports import __version__, guard
from reports.console import default_store

__all__ = ["doctor"]

LIBRARIES = (
    "numpy",
    "scipy",
    "sympy",
    "python-flint",
    "hypothesis",
    "pandas",
    "matplotlib",
    "scikit-learn",
    "array-api-compat",
    "jinja2",
    "math-core",
    "pybtex",
    "click",
    "rich",
    "loky",
    "platformdirs",
    "threadpoolctl",
)
FONTS = (
    "stix-two-math.woff2",
    "stix-two-text-400-normal.woff2",
    "stix-two-text-400-italic.woff2",
    "stix-two-text-700-normal.woff2",
)


def _writable(folder: Path) -> bool:
    """Say whether a file can be made in a folder or, while it does not exist, in the nearest one above it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _blas() -> list[str]:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    return [
        f"{pool.get('internal_api')} {pool.get('version')} ({pool.get('architecture', 'unknown kernel')}, "
        f"{pool.get('num_threads')} threads)"
        for pool in threadpool_info()
    ]


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Print versions, linear algebra, cache and fonts; exit code 2 if something must be mended."""
    problems = guard.shadows()
    click.echo(
        f"batchlaws {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores"
    )
    for library in LIBRARIES:
        try:
            click.echo(f"  {library} {metadata.version(library)}")
        except metadata.PackageNotFoundError:
            problems.append(f"{library} is not installed; run: python -m pip install {library}")
    for name, place in guard.locations().items():
        click.echo(f"package {name}: {place}")
    for kernel in _blas():
        click.echo(f"linear algebra: {kernel}")
    store = default_store()
    usable = os.access(store, os.R_OK | os.W_OK) if store.exists() else _writable(store.parent)
    click.echo(
        f"evidence store: {store} ({'present' if store.exists() else 'not yet there'}, "
        f"{'writable' if usable else 'NOT writable'})"
    )
    if not usable:
        problems.append(f"{store} cannot be written; set BATCHLAWS_CACHE to a folder of yours")
    fonts = resources.files("reports") / "static" / "fonts"
    missing = [font for font in FONTS if not (fonts / font).is_file()]
    click.echo(f"fonts of the pages: {len(FONTS) - len(missing)} of {len(FONTS)}")
    problems += [f"the font {font} is missing from reports/static/fonts" for font in missing]
    for problem in problems:
        click.echo(f"problem: {problem}", err=True)
    ctx.exit(2 if problems else 0)
