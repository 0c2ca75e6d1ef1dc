"""Matching: which record of one side is which of the other, where nothing links them yet."""
