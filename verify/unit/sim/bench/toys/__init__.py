"""A workload made to order, with peers that are right, wrong, missing and broken."""
