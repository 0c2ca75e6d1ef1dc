"""Flow files and the company they work for."""

from ledgerbridge.flows.checks import load_flow
from ledgerbridge.flows.company import Company, GatewayFields, company_model, load_company
from ledgerbridge.flows.config import FlowConfig, LegConfig, StepMinutes, leg_config

__all__ = [
    "Company",
    "FlowConfig",
    "GatewayFields",
    "LegConfig",
    "StepMinutes",
    "company_model",
    "leg_config",
    "load_company",
    "load_flow",
]
