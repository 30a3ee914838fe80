"""Every published JOSE vector (Wycheproof) through the door that reads tokens of others. What differs is listed here, with its reason.

Nothing that the vectors call invalid is taken. What they call valid and we refuse is refused on purpose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from auth.identity import id_tokens
from auth.identity.tokens import BadToken

ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
# File and number of the vector: why it is refused although it is called valid.
REFUSED: Final = {
    ("signature", 259): "an empty payload: a token has claims", ("signature", 272): "an empty payload: a token has claims",
    ("signature", 372): "a character that is no base64url", ("signature", 373): "a character that is no base64url",
    ("signature", 346): "RFC 7520 figure 20 under another alg than its key's", ("signature", 350): "RFC 7520 figure 20 under another alg than its key's",
}  # fmt: skip


def _vectors(folder: Path, name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for group in json.loads((folder / f"json_web_{name}_test.json").read_text())["testGroups"]:
        keys = group.get("public") or group.get("private") or {}
        for vector in group["tests"]:
            yield (keys if "keys" in keys else {"keys": [keys]}), vector


def _is_taken(keys: dict[str, Any], vector: dict[str, Any]) -> bool:
    words = vector.get("jws") or vector.get("jwe")
    if not isinstance(words, str):
        return False  # the JSON form of a signature, which no route takes
    try:
        id_tokens.verified(words, keys, frozenset({"JWT", "jwt"}))
    except BadToken:
        return False
    return True


def _is_outside(keys: dict[str, Any], vector: dict[str, Any]) -> bool:
    """Whether the vector wants what we never take: encryption, a shared secret, or another algorithm than ours."""
    secret = any(key.get("kty") == "oct" for key in keys["keys"])
    return (
        not isinstance(vector.get("jws"), str)
        or secret
        or not {key.get("alg", "RS256") for key in keys["keys"]} <= ALGORITHMS
    )


@pytest.mark.shared
@pytest.mark.parametrize(("name", "count"), [("signature", 401), ("crypto", 83), ("key", 26)])
def test_every_vector_gets_its_published_result_but_for_the_list(shared: Path, name: str, count: int) -> None:
    seen = 0
    for keys, vector in _vectors(shared / "conformance" / "jose", name):
        seen += 1
        is_taken, where = _is_taken(keys, vector), (name, vector["tcId"])
        if vector["result"] != "valid":
            assert not is_taken, (where, vector["comment"])
        elif where in REFUSED or _is_outside(keys, vector):
            assert not is_taken, f"{where} is taken now: strike it from the list"
        else:
            assert is_taken, (where, vector["comment"])
    assert seen == count


def test_an_ordinary_modulus_bears_no_mark_of_the_faulty_generator() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    for _ in range(3):
        assert not id_tokens.is_guessable(
            rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
        )
    assert id_tokens.is_guessable(pow(65537, 5) * pow(65537, 9))
