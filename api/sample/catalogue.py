"""The whole sample in one place: datasets with their batches, organisations, people, scenarios and purposes."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Final

from api.sample import (
    beaches,
    benefits,
    complaints,
    crowd,
    events,
    inspections,
    lots,
    parking_behaviour,
    relics,
    roads,
    shuttles,
    stations,
    vacancy,
    venues,
    warnings_in_force,
)
from api.sample.actors import ORGANISATIONS, PEOPLE
from api.sample.model import SampleDataset, SampleFile
from api.sample.vocabulary import CODE_LISTS, PURPOSES, SCENARIOS
from quality.references import wanted_by
from quality.suite import Suite

DATASETS: Final[tuple[SampleDataset, ...]] = (
    roads.DATASET,
    shuttles.DATASET,
    lots.DATASET,
    vacancy.DATASET,
    parking_behaviour.DATASET,
    benefits.DATASET,
    venues.DATASET,
    complaints.DATASET,
    stations.DATASET,
    warnings_in_force.DATASET,
    beaches.DATASET,
    crowd.DATASET,
    events.DATASET,
    relics.DATASET,
    inspections.DATASET,
)


def dataset(dataset_id: str) -> SampleDataset:
    """The sample dataset of this id; raises KeyError."""
    return {item.id: item for item in DATASETS}[dataset_id]


def compared_with(item: SampleDataset) -> tuple[str, ...]:
    """The datasets that this one's rules compare with."""
    return wanted_by(Suite.from_data(item.suite).expectations).datasets


def masters_first() -> list[SampleDataset]:
    """Each dataset after those that its rules compare with."""
    order = TopologicalSorter({item.id: compared_with(item) for item in DATASETS})
    return [dataset(dataset_id) for dataset_id in order.static_order()]


__all__ = [
    "CODE_LISTS",
    "DATASETS",
    "ORGANISATIONS",
    "PEOPLE",
    "PURPOSES",
    "SCENARIOS",
    "SampleDataset",
    "SampleFile",
    "compared_with",
    "dataset",
    "masters_first",
]
