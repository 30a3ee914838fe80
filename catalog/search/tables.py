"""What searching keeps beside the index: synonyms, the words that there are, and for which rules the index was built."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class SynonymRow(SQLModel, table=True):
    """Words that mean the same to whoever searches; asking for one asks for all."""

    __tablename__ = "catalog_synonym"
    id: str = Field(primary_key=True, max_length=60)
    words: list[str] = Field(sa_type=JSON)
    set_by: str = Field(max_length=80)
    set_at: datetime = Field(sa_type=UtcDateTime)


class WordRow(SQLModel, table=True):
    """A word of Latin letters that stands, or once stood, in a title or keyword; for “did you mean”. Whether a reader may
    know of it is asked when it is proposed."""

    __tablename__ = "catalog_word"
    word: str = Field(primary_key=True, max_length=40)
    letters: int = Field(index=True)


class IndexStateRow(SQLModel, table=True):
    """`version`: of the rules by which the whole index was built (`catalog.search.index.VERSION`). `stamp`: counts changes of
    records."""

    __tablename__ = "catalog_index_state"
    id: int = Field(primary_key=True)
    version: int
    stamp: int = 0


class ChangeRow(SQLModel, table=True):
    """When a record, by its number in the index, last changed, as the stamp that the catalogue then had."""

    __tablename__ = "catalog_change"
    number: int = Field(primary_key=True)
    stamp: int = Field(index=True)


class SavedSearchRow(SQLModel, table=True):
    """A search that somebody keeps. `query`: as in the address of its page. `told_until`: the stamp of the last change that he was
    told of, or that was there when he began."""

    __tablename__ = "catalog_saved_search"
    id: str = Field(primary_key=True, max_length=60)
    account_id: str = Field(index=True, max_length=80)
    title: str = Field(max_length=100)
    query: str = Field(max_length=4000)
    tells: bool = True
    told_until: int
    created_at: datetime = Field(sa_type=UtcDateTime)
