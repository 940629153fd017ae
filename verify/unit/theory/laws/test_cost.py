"""Numbers of `cost.mlp`."""

import pytest

from theory import laws
from theory.domain import DomainError

LAW = laws.load("cost.mlp")
# widths 64, 64, 128, 10
NETWORK = {"q": 64 * 64 + 64 * 128 + 128 * 10, "q_1": 64 * 64, "D": 64 + 128 + 10}


def test_a_network_for_digits():
    point = NETWORK | {"B": 32}
    assert LAW.predict(part="forward", B=32, q=NETWORK["q"]).value == 868352
    assert LAW.predict(B=32, q=NETWORK["q"], q_1=NETWORK["q_1"]).value == 32 * (6 * 13568 - 8192)
    assert LAW.predict(part="outputs", B=32, D=point["D"]).value == 51712
    assert LAW.predict(part="peak", b=1, D=point["D"]).value == 1616
    assert LAW.predict(part="state", q=NETWORK["q"], D=point["D"], slots=2).value == 8 * 4 * 13770


def test_a_micro_batch_is_part_of_the_batch():
    with pytest.raises(DomainError, match="the micro-batch of b = 5 exceeds the batch of 4"):
        LAW.predict(part="accumulated", B=4, b=5, q=9, q_1=4)
    with pytest.raises(DomainError, match="q_1 = 9 exceeds q = 4"):
        LAW.predict(B=4, q=4, q_1=9)
