"""The `alerts` of a flow file: who is told of what, and when not."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from ledgerbridge.yaml_files import ConfigModel

__all__ = ["AlertsConfig"]


class AlertsConfig(ConfigModel):
    """Whom a flow's alerts go to, and what besides failures is worth one."""

    to: str = Field(description="Airflow connection of type `apprise`: mail, Slack, Teams, a webhook.")
    quiet: str | None = Field(
        None, description="Hours of the company's zone in which nobody is told, `22:00-06:00`; told afterwards."
    )
    repeat_after_minutes: int = Field(
        240, ge=1, description="The same (flow, leg, error class) is told again after so long, with its number."
    )
    escalate_to: str | None = Field(None, description="Connection that is told, quiet hours or not, when nobody acted.")
    escalate_after_minutes: int = Field(120, ge=1, description="How long after an alert began it is escalated.")
    deadline_minutes: int | None = Field(None, ge=1, description="A run that takes longer is an alert.")
    expect: dict[str, int] = Field(
        default_factory=dict,
        description="Silence: by leg, after how many minutes without a record it is an alert; not in quiet hours.",
    )
    dead_letters_over: int | None = Field(None, ge=0, description="More open dead letters than this are an alert.")

    @field_validator("quiet")
    @classmethod
    def _hours(cls, value: str | None) -> str | None:
        if value is not None:
            _span(value)
        return value

    @model_validator(mode="after")
    def _known_escalation(self) -> AlertsConfig:
        if self.escalate_to == self.to:
            raise ValueError(f'`escalate_to` is "{self.to}" as `to` is: nobody new would be told')
        return self

    def is_quiet(self, now: datetime, zone: str) -> bool:
        """Whether ``now`` (aware) lies in the quiet hours of the company's zone."""
        if self.quiet is None:
            return False
        begin, end = _span(self.quiet)
        clock = now.astimezone(ZoneInfo(zone)).time()
        return begin <= clock < end if begin <= end else clock >= begin or clock < end

    @property
    def repeat_after(self) -> timedelta:
        """How long the same alert is not told again."""
        return timedelta(minutes=self.repeat_after_minutes)

    @property
    def escalate_after(self) -> timedelta:
        """How long an alert may go on before somebody else is told."""
        return timedelta(minutes=self.escalate_after_minutes)


def _span(text: str) -> tuple[time, time]:
    try:
        begin, end = text.split("-")
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError:
        raise ValueError(f'"{text}" is no span of hours; write one like 22:00-06:00') from None
