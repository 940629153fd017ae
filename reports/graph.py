"""The graph of laws, laid out in columns: a law stands one column right of the last law it uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Edge", "Graph", "Node", "depths", "layout"]

NODE_WIDTH, NODE_HEIGHT, COLUMN_GAP, ROW_GAP, MARGIN = 212, 30, 60, 14, 4


@dataclass(frozen=True, slots=True)
class Node:
    """A law's box; `x` and `y` are its upper left corner in drawing units."""

    id: str
    verdict: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Edge:
    """From a used law to its user, as an SVG path."""

    used: str
    user: str
    path: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes, arrows and the size of the drawing."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int
    node_width: int = NODE_WIDTH
    node_height: int = NODE_HEIGHT


def depths(uses: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Return how many laws lie below each law on the longest way down.

    Raises
    ------
    ValueError
        If laws use each other in a circle or use a law that is not there.
    """
    found: dict[str, int] = {}

    def visit(law: str, path: tuple[str, ...]) -> int:
        if law in path:
            raise ValueError("laws use each other in a circle: " + " -> ".join((*path, law)))
        if law not in uses:
            raise ValueError(f"{path[-1]} uses {law}, which is not in the catalogue")
        if law not in found:
            found[law] = max((visit(used, (*path, law)) + 1 for used in uses[law]), default=0)
        return found[law]

    for law in uses:
        visit(law, ())
    return found


def layout(uses: Mapping[str, tuple[str, ...]], verdicts: Mapping[str, str]) -> Graph:
    """Place the laws.

    Parameters
    ----------
    uses : mapping
        Ids of the laws each law uses.
    verdicts : mapping
        Verdict by law id.

    Returns
    -------
    Graph
        Within a column, laws are ordered by the mean row of what they use, then by id.
    """
    depth = depths(uses)
    rows: dict[str, float] = {}
    columns: list[list[str]] = []
    for level in range(max(depth.values(), default=0) + 1):

        def anchor(law: str) -> tuple[float, str]:
            below = [rows[used] for used in uses[law]]
            return (sum(below) / len(below) if below else 0.0, law)

        column = sorted((law for law in depth if depth[law] == level), key=anchor)
        rows.update({law: float(k) for k, law in enumerate(column)})
        columns.append(column)
    tallest = max((len(column) for column in columns), default=0)
    height = 2 * MARGIN + tallest * (NODE_HEIGHT + ROW_GAP) - ROW_GAP
    nodes = {}
    for level, column in enumerate(columns):
        used_height = len(column) * (NODE_HEIGHT + ROW_GAP) - ROW_GAP
        top = (height - used_height) // 2
        for k, law in enumerate(column):
            nodes[law] = Node(
                law,
                verdicts[law],
                MARGIN + level * (NODE_WIDTH + COLUMN_GAP),
                top + k * (NODE_HEIGHT + ROW_GAP),
            )
    edges = tuple(_edge(nodes[used], nodes[user]) for user in sorted(uses) for used in uses[user])
    width = 2 * MARGIN + len(columns) * (NODE_WIDTH + COLUMN_GAP) - COLUMN_GAP
    return Graph(tuple(nodes[law] for law in sorted(nodes)), edges, width, height)


def _edge(used: Node, user: Node) -> Edge:
    x0, y0 = used.x + NODE_WIDTH, used.y + NODE_HEIGHT // 2
    x1, y1 = user.x - 2, user.y + NODE_HEIGHT // 2
    bend = (x1 - x0) // 2
    return Edge(used.id, user.id, f"M{x0} {y0} C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}")
