"""The verbs of the command line, one module a verb or a pair; heavy imports stay inside the functions."""
