"""Brings product and sandbox together on one machine: `make demo`, and the live part of the tests."""
