"""From a registry's settings to the rules its services keep, and the services that are little else."""

from sqlalchemy import Engine

from takeback.clock import Clock
from takeback.db import GroupWriter
from takeback.db.secret_file import open_secret
from takeback.exchange.abuse_trail import active_partners, readers, write_act
from takeback.exchange.gate import GateRules, parse_proxies
from takeback.httpkit.rate import RequestRate
from takeback.model.case import Terms
from takeback.registry.breaker import BreakerRules
from takeback.registry.canary_life import Canaries
from takeback.registry.caps import SubmissionCaps
from takeback.registry.company import Company
from takeback.registry.decoy_key import open_decoys
from takeback.registry.guard import GuardService
from takeback.registry.guard_rule import GuardRule, NearSearch
from takeback.registry.processes import Processes
from takeback.registry.proof import ProofDesk, ProofRules
from takeback.registry.proof_http import ProofGate
from takeback.registry.quarantine import QuarantineRules, QuarantineService
from takeback.registry.service import Rules
from takeback.registry.topping_up import ToppingUp
from takeback.registry.tries import Tries
from takeback.registry.types import GuardCheck
from takeback.settings import RegistrySettings

_INTERVALS_OF_PATIENCE = 5
_PROOFS_FILE = "proof-secret"


def case_rules(settings: RegistrySettings, guard: GuardCheck) -> Rules:
    """What the operator has set about cases."""
    decoys = open_decoys(settings.data_dir / "keys")
    waits_min = settings.batch_longest_wait_min
    longest_wait_s = _INTERVALS_OF_PATIENCE * settings.batch_interval_s if waits_min is None else 60 * waits_min
    return Rules(
        terms=Terms(settings.adult_cases, settings.withdrawal_delay_days, settings.hold_lifetime_days),
        company=Company(settings.batch_min_cases, longest_wait_s),
        topping_up=ToppingUp(decoys, settings.batch_min_cases),
        canaries=Canaries(decoys, readers, settings.canaries),
        tries=Tries(settings.unknown_case_tries_per_min),
        caps=SubmissionCaps(settings.max_fingerprints, settings.max_files),
        guard=guard,
    )


def proof_gate(settings: RegistrySettings, writer: GroupWriter, clock: Clock, processes: Processes) -> ProofGate:
    """What asks for proofs of work."""
    secret = open_secret(settings.data_dir / "keys" / _PROOFS_FILE)
    breaker = BreakerRules(settings.proof_trip_per_minute, settings.proof_factor, settings.proof_max_steps)
    rules = ProofRules(settings.proof_guesses, settings.proof_rounds, settings.proof_ttl_s, breaker)
    desk = ProofDesk(clock, secret, rules, processes.count)
    return ProofGate(desk, writer, RequestRate(clock), settings.questions_per_minute, processes.count)


def abuse_services(
    engine: Engine, settings: RegistrySettings, clock: Clock, search: NearSearch
) -> tuple[GuardService, QuarantineService]:
    """The guard list and quarantine."""
    rule = GuardRule(radius_bits=settings.guard_radius_bits)
    rules = QuarantineRules(settings.quarantine_quorum, settings.flood_words_per_day)
    return (
        GuardService(engine, clock, search, rule, write_act),
        QuarantineService(engine, clock, active_partners, rules, write_act),
    )


def gate_rules(settings: RegistrySettings) -> GateRules:
    """How often partners may ask, and whose word about addresses is believed."""
    return GateRules(
        settings.partner_requests_per_minute, settings.partner_burst, parse_proxies(settings.trusted_proxies)
    )
