"""
Foreign clients that read Xero, each one module for an environment of its own (``bench.foreign_clients``).

The modules import nothing of ours: what runs them has only the client. Each has ``pages(access)``, which signs in and
gives what the client makes of one collection, page by page, and ``plain(record)``, which makes JSON of one.
"""
