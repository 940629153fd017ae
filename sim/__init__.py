"""The simulator half: sampling, networks, normalization layers and the experiments on them.

Nothing here knows a law.  A probe measures, says which facts of its population it used, and states a
proved range of what it can return; what the mean should be is for the other half to say.
"""
