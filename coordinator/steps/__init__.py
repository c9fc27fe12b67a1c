"""Verbs: the steps of the walk, one module each, independent of each other, synchronous and pure."""
