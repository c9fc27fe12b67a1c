"""Nouns: frozen, pure values without I/O, clock or logging; everything else is a verb over these."""
