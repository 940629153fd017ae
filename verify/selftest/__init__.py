"""The verifier verifies itself: mutants of derivation steps and of samplers, calibration of the judge."""
