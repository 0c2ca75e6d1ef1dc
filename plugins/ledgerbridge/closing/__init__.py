"""Closing a period: its report, the people who sign it, and what became of it since."""

from ledgerbridge.closing.sign_off import propose, reopen, sign, sign_offs, tell_changed

__all__ = ["propose", "reopen", "sign", "sign_offs", "tell_changed"]
