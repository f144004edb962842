"""The OpenAPI document says what the server does: schemathesis asks all that it allows, and compares."""

from __future__ import annotations

import pytest
import schemathesis
import schemathesis.specs.openapi.schemas  # now, not while servers run: Python 3.11 parses in one thread only
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def differences(operation, mode, url, headers):
    """What an answer to some request has that the document does not, or None."""

    @settings(
        max_examples=15,
        deadline=None,  # the machine is shared; nothing here is about speed
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=20)

    try:
        ask()
    except Unsatisfiable:  # a call without parameters cannot be made wrongly
        return None
    except Exception as error:  # noqa: BLE001  # every operation is asked before anything is said
        return f"{operation.label}: {error!r:.1500}"
    return None


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda one: one.value)
def test_no_answer_that_is_not_described(idle, mode):
    """Requests as they are described, and requests that are not: no 5xx, no answer beside the document."""
    schema = schemathesis.openapi.from_url(f"{idle.url}/openapi.json")
    schema.config.generation.update(with_security_parameters=False)  # the right token is sent
    wrong = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == "/v1/events":  # it has no end, which is its purpose
            continue
        admin = operation.path.startswith(("/v1/tokens", "/v1/accounts", "/v1/operator", "/metrics"))
        headers = {"Authorization": f"Bearer {idle.admin if admin else idle.secret}"}
        wrong.append(differences(operation, mode, idle.url, headers))
    assert [one for one in wrong if one] == []
