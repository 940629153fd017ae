"""The layout of the graph of laws."""

import pytest

from reports import graph


def test_a_law_stands_right_of_all_it_uses():
    uses = {"a": (), "b": ("a",), "c": ("a", "b"), "d": ()}
    drawn = graph.layout(uses, dict.fromkeys(uses, "verified"))
    place = {node.id: node for node in drawn.nodes}
    for edge in drawn.edges:
        assert place[edge.used].x + drawn.node_width < place[edge.user].x
    assert {(e.used, e.user) for e in drawn.edges} == {("a", "b"), ("a", "c"), ("b", "c")}


def test_boxes_do_not_overlap_and_stay_inside():
    uses = {f"law{k}": tuple(f"law{j}" for j in range(k % 3)) if k > 2 else () for k in range(20)}
    drawn = graph.layout(uses, dict.fromkeys(uses, "untested"))
    boxes = [(n.x, n.y) for n in drawn.nodes]
    for i, (x, y) in enumerate(boxes):
        assert 0 <= x and x + drawn.node_width <= drawn.width
        assert 0 <= y and y + drawn.node_height <= drawn.height
        for other_x, other_y in boxes[:i]:
            assert abs(x - other_x) >= drawn.node_width or abs(y - other_y) >= drawn.node_height


def test_circles_and_strangers_are_named():
    with pytest.raises(ValueError, match="circle: a -> b -> a"):
        graph.layout({"a": ("b",), "b": ("a",)}, {"a": "untested", "b": "untested"})
    with pytest.raises(ValueError, match="a uses z"):
        graph.layout({"a": ("z",)}, {"a": "untested"})


def test_no_law_is_a_drawing_too():
    assert graph.layout({}, {}).nodes == ()
