"""Shapes in cells, as SQL: well-known text (also with SRID), GeoJSON geometries and features."""

from __future__ import annotations


def shape(value: str) -> str:
    """Well-known text in the engine's own spelling, which keeps every coordinate; GeoJSON becomes well-known text.

    The engine reads past what it does not know, so its answer counts only if it took every number there was.
    """
    words = "POINT|LINESTRING|POLYGON|MULTI|GEOMETRYCOLLECTION|EMPTY|ZM|Z|M|[-+0-9.eE,()\\s]"
    wkt = rf"(?i)(POINT|LINESTRING|POLYGON|MULTI|GEOMETRYCOLLECTION)({words})*([)]|EMPTY)\s*"
    bare_text = f"regexp_replace({value}, '(?i)^\\s*(SRID=[0-9]+;)?\\s*', '')"
    brackets = "(?s)\\s*[{].*[}]\\s*"
    feature = f"json_extract_string({value}, '$.type') = 'Feature'"
    held = f"CASE WHEN {feature} THEN json_extract({value}, '$.geometry') ELSE CAST({value} AS JSON) END"
    return (
        f"CASE WHEN {_matches(bare_text, wkt)} THEN {_respelt(bare_text, bare_text)} "
        f"WHEN {_matches(value, brackets)} AND json_valid({value}) "
        f"THEN list_transform([{held}], lambda g: {_geojson()})[1] END"
    )


def _respelt(text: str, source: str) -> str:
    numbers = "[0-9]([-+0-9.]|[eE])*"
    count = f"len(regexp_extract_all({source}, '{numbers}'))"
    return (
        f"list_transform([ST_AsText(TRY(CAST({text} AS GEOMETRY)))], lambda t: CASE WHEN NOT regexp_matches(t, '(?i)nan|inf') "
        f"AND len(regexp_extract_all(t, '{numbers}')) = {count} THEN t END)[1]"
    )


def _geojson() -> str:
    """SQL of the well-known text of the GeoJSON geometry `g`."""
    parts = "CAST(json_extract(g, '$.geometries[*]') AS JSON[])"
    whole = f"'GEOMETRYCOLLECTION (' || array_to_string(list_transform({parts}, lambda p: {_simple('p')}), ', ') || ')'"
    source = "coalesce(CAST(json_extract(g, '$.coordinates') AS VARCHAR), CAST(json_extract(g, '$.geometries') AS VARCHAR))"
    kind = "json_extract_string(g, '$.type')"
    return _respelt(f"(CASE WHEN {kind} = 'GeometryCollection' THEN {whole} ELSE {_simple('g')} END)", source)


def _simple(shape: str) -> str:
    """One geometry that is no collection: brackets around positions go, the others become parentheses."""
    number = "(-?[0-9][-+0-9.eE]*)"
    flat, solid = f"\\[{number},{number}\\]", f"\\[{number},{number},{number}\\]"
    places = f"regexp_replace(CAST(json_extract({shape}, '$.coordinates') AS VARCHAR), '\\s', '', 'g')"
    body = f"translate(regexp_replace(regexp_replace({places}, '{flat}', '\\1 \\2', 'g'), '{solid}', '\\1 \\2 \\3', 'g'), '[]', '()')"
    kind = f"upper(json_extract_string({shape}, '$.type'))"
    return (
        f"({kind} || (CASE WHEN regexp_matches({places}, '{solid}') THEN ' Z ' ELSE ' ' END) || "
        f"(CASE WHEN {kind} = 'POINT' THEN '(' || {body} || ')' ELSE {body} END))"
    )


def srid(value: str) -> str:
    """SQL of the EPSG code that a cell names for itself, NULL where it names none."""
    return f"nullif(regexp_extract({value}, '(?i)^\\s*SRID=([0-9]+);', 1), '')"


def _matches(value: str, pattern: str) -> str:
    return f"regexp_full_match({value}, '{pattern}')"
