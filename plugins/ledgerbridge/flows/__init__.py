"""Flow files and the company they work for."""

from ledgerbridge.flows.checks import load_flow
from ledgerbridge.flows.company import (
    Company,
    GatewayFields,
    company_file,
    company_keys,
    company_model,
    default_key,
    load_company,
)
from ledgerbridge.flows.config import FlowConfig, PollConfig, ScheduleConfig, StageConfig, StepMinutes
from ledgerbridge.flows.legs import BranchedLegConfig, ClosedPeriods, LegConfig, TargetConfig, leg_config
from ledgerbridge.flows.names import asset_of, company_of, dag_of, flow_of, stage_of
from ledgerbridge.flows.sides import ComparedLegConfig, SideConfig, SideLegConfig, SyncConfig, SyncedLegConfig

__all__ = [
    "BranchedLegConfig",
    "ClosedPeriods",
    "Company",
    "ComparedLegConfig",
    "FlowConfig",
    "GatewayFields",
    "LegConfig",
    "PollConfig",
    "ScheduleConfig",
    "SideConfig",
    "SideLegConfig",
    "StageConfig",
    "StepMinutes",
    "SyncConfig",
    "SyncedLegConfig",
    "TargetConfig",
    "asset_of",
    "company_file",
    "company_keys",
    "company_model",
    "company_of",
    "dag_of",
    "default_key",
    "flow_of",
    "leg_config",
    "load_company",
    "load_flow",
    "stage_of",
]
