"""What a refusal or a sum says at its edge: the last second, the number that is left, the year without money."""

from __future__ import annotations

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from auth.grants.view import Used
from auth.identity import assertions, id_tokens
from auth.identity.tokens import BadToken
from auth.policy.limits import limits
from auth.policy.rules import objections
from auth.revenue.rules import YearOf, years
from core.errors import InputRefused
from tests.auth.policy.test_decisions import GOOD, NOW, a_policy, a_view, an_ask
from tests.desk import PARKS


@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize("ahead", [0, 1])
def test_an_assertion_may_begin_the_leeway_ahead_and_not_a_second_later(name: str, ahead: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": "k1", "use": "sig"}
    moment = int(NOW.timestamp())
    body = {
        "iss": "c",
        "sub": "c",
        "aud": "https://here",
        "exp": moment + 60,
        "jti": "j",
        name: moment + 30 + ahead,
    }
    said = jwt.encode(body, key, algorithm="ES256", headers={"kid": "k1"})
    if ahead:
        with pytest.raises(BadToken, match="not valid yet"):
            assertions.read(said, {"keys": [public]}, "c", ["https://here"], NOW)
    else:
        assertions.read(said, {"keys": [public]}, "c", ["https://here"], NOW)


@pytest.mark.parametrize("length", [100, 101])
def test_a_key_may_be_named_by_a_hundred_characters_and_no_more(length: int) -> None:
    public = json.loads(
        jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())
    )
    words = json.dumps({"keys": [public | {"kid": "k" * length}]})
    if length > 100:
        with pytest.raises(InputRefused, match="1 to 100 characters"):
            assertions.key_set(words)
    else:
        assert "k" * 100 in assertions.key_set(words)


def test_an_id_token_may_name_the_certificate_of_its_key_in_both_ways() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": "k1", "use": "sig"}
    headers = {"kid": "k1", "x5t": "AA", "x5t#S256": "AA"}
    said = jwt.encode({"sub": "a"}, key, algorithm="ES256", headers=headers)
    assert id_tokens.verified(said, {"keys": [public]}, frozenset({"JWT"})) == (b'{"sub":"a"}', "ES256")


def test_a_refusal_names_how_much_of_the_quota_is_left() -> None:
    view = a_view(a_policy(quotas={"rows": 100}), used=Used(rows=60))
    (said,) = objections(an_ask(rows=41), view, PARKS, GOOD, limits())
    assert (said.facts["unit"], said.facts["limit"], said.facts["left"]) == ("rows", 100, 40)
    assert "40 of 100" in said.text.en
    assert "剩余 40" in said.text.zh


def test_a_year_without_money_has_taken_none() -> None:
    assert years({2024: 130}, {2024: 100, 2025: 50}) == (
        YearOf(2024, 130, 100, 0, 100, 30),
        YearOf(2025, 0, 50, 30, 20, 0),
    )
    assert years({}, {2025: 0}) == (YearOf(2025, 0, 0, 0, 0, 0),)


@pytest.mark.parametrize("count", [2000, 2001])
def test_a_policy_may_name_two_thousand_columns_and_no_more(count: int) -> None:
    columns = [{"name": f"c{at}", "use": "plain"} for at in range(count)]
    if count > 2000:
        with pytest.raises(ValidationError, match="at most 2000"):
            a_policy(columns=columns)
    else:
        assert len(a_policy(columns=columns).columns) == 2000
