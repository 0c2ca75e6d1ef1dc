"""How fast it is and what it needs, measured beside other ways to do the same (`make bench`)."""
