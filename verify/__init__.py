"""Evidence and verdicts: plans, the judge, channels of evidence, the store, the ledger."""
