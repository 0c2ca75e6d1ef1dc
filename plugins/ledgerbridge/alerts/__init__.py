"""Alerts: what people are told, once, when it matters, and until it is over."""

from ledgerbridge.alerts.config import AlertsConfig
from ledgerbridge.alerts.store import Alert, Message, end_alerts, messages_due, not_sent, raise_alert

__all__ = ["Alert", "AlertsConfig", "Message", "end_alerts", "messages_due", "not_sent", "raise_alert"]
