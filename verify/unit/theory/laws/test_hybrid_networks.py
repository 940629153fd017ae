"""Trained networks with a learned mixture of batch and sample normalization: where the weight goes, and why.

Each claim is checked on two seeds and far from its edge.
"""

from verify.unit.theory.laws import hybrid_network as network


def test_the_weight_rises_with_the_batch_where_the_label_needs_what_the_sample_norm_removes():
    small, middle, large = (network.trained_alpha(network.teacher, B=B) for B in (4, 32, 128))
    assert small.max() < 0.15 < middle.min() <= middle.max() < large.min() - 0.1


def test_a_nuisance_gain_of_the_examples_takes_it_to_zero_at_every_batch():
    for B in (4, 32, 128):
        assert network.trained_alpha(network.gain, B=B).max() < 0.1


def test_a_label_in_the_sample_norm_takes_it_to_one():
    for B in (32, 128):
        assert network.trained_alpha(network.norm, B=B).min() > 0.9


def test_a_bias_before_the_norm_lets_the_network_do_without_the_batch():
    assert network.trained_alpha(network.norm, B=128, bias=True).max() < 0.5
    free, biased = (network.trained_alpha(network.teacher, B=128, bias=bias) for bias in (False, True))
    assert free.min() > biased.max() + 0.2


def test_a_scale_free_classification_needs_no_batch_statistics():
    for B in (4, 128):
        assert network.trained_alpha(network.sign, B=B, classify=True).max() < 0.05
