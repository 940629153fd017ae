"""The laws: vocabulary, moment calculus, proof replay and brute-force oracle.

Nothing here imports a simulator: no simulation can read the answer it is to test, and no law can read
the data that test it.
"""
