"""The tree is that of RFC 6962: by the published vectors, and by the definition written out naively."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.proof import merkle

CHECKS = {
    "inclusion": lambda case, raw: merkle.holds_leaf(
        raw("leafHash"), case["leafIdx"], case["treeSize"], raw("proof"), raw("root")
    ),
    "consistency": lambda case, raw: merkle.extends(
        case["size1"], case["size2"], raw("root1"), raw("root2"), raw("proof")
    ),
    "subtreeinclusion": lambda case, raw: (
        merkle.is_subtree(case["start"], case["end"])
        and merkle.holds_leaf(
            raw("leafHash"),
            case["leafIdx"] - case["start"],
            case["end"] - case["start"],
            raw("proof"),
            raw("root"),
        )
    ),
    "subtreeconsistency": lambda case, raw: merkle.extends_subtree(
        case["start"], case["end"], case["size"], raw("root1"), raw("root2"), raw("proof")
    ),
}
HOW_MANY = {"inclusion": 98, "consistency": 98, "subtreeinclusion": 204, "subtreeconsistency": 118}


@pytest.mark.shared
@pytest.mark.parametrize("kind", sorted(CHECKS))
def test_every_published_vector_gets_the_published_verdict(shared: Path, kind: str) -> None:
    folder = shared / "conformance" / "rfc6962" / kind
    if not folder.is_dir():
        pytest.skip(f"no vectors at {folder}")
    seen: Counter[bool] = Counter()
    wrong = []
    for path in sorted(folder.rglob("*.json")):
        case = json.loads(path.read_text())

        def raw(name: str, case: dict[str, Any] = case) -> Any:
            value = case[name]
            if name == "proof":
                return [base64.b64decode(each) for each in value or ()]
            return base64.b64decode(value or "")

        seen[case["wantErr"]] += 1
        if bool(CHECKS[kind](case, raw)) is case["wantErr"]:
            wrong.append(str(path.relative_to(folder)))
    assert wrong == []
    assert seen.total() == HOW_MANY[kind]
    assert seen[False] > 0


def test_an_empty_tree_shows_nothing() -> None:
    """The choice where the RFC is silent: 0 = 0 is refused even with the true empty root and an empty proof."""
    assert not merkle.extends(0, 0, merkle.EMPTY, merkle.EMPTY, [])
    assert not merkle.extends(0, 1, merkle.EMPTY, merkle.leaf_hash(b"a"), [])
    with pytest.raises(ValueError, match="no proof"):
        merkle.consistency_proof(merkle.nodes_of([]), 0, 0)


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else merkle.EMPTY
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(old: int, leaves: list[bytes], is_whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2."""
    if old == len(leaves):
        return [] if is_whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if old <= k:
        return [*naive_subproof(old, leaves[:k], is_whole), naive_root(leaves[k:])]
    return [*naive_subproof(old - k, leaves[k:], False), naive_root(leaves[:k])]


@given(st.data(), st.integers(1, 130))
def test_roots_and_proofs_are_those_of_the_definition(data: st.DataObject, size: int) -> None:
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(size)]
    nodes = merkle.nodes_of(leaves)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    whole, part = naive_root(leaves), naive_root(leaves[:old])
    assert (merkle.root(nodes, size), merkle.root(nodes, old)) == (whole, part)

    path = merkle.inclusion_proof(nodes, index, size)
    assert path == naive_path(index, leaves)
    assert merkle.holds_leaf(leaves[index], index, size, path, whole)
    other = data.draw(st.integers(0, size).filter(lambda number: number != index))
    assert not merkle.holds_leaf(leaves[index], other, size, path, whole)

    proof = merkle.consistency_proof(nodes, old, size)
    assert proof == naive_subproof(old, leaves, True)
    assert merkle.extends(old, size, part, whole, proof)
    forged = bytes([part[0] ^ 1]) + part[1:]
    assert not merkle.extends(old, size, forged, whole, proof)


@given(st.integers(0, 70), st.integers(0, 70))
def test_a_tree_that_grows_has_the_root_of_one_built_at_once(first: int, more: int) -> None:
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(first + more)]
    frontier = merkle.Frontier(first, merkle.peaks(merkle.nodes_of(leaves[:first]), first))
    for leaf in leaves[first:]:
        list(frontier.add(leaf))
    assert frontier.root() == naive_root(leaves)
