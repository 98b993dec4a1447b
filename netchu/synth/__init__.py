"""Drawn training data: texts and ways of writing -> line pictures with their text. See drawer.py for the whole way."""
