"""
Expectations of ours beside Great Expectations' own: is it an e-mail address, a phone number, a postcode, a tax number.

Importing ``ledgerbridge.expectations.registered`` makes them known to Great Expectations by their names.
"""
