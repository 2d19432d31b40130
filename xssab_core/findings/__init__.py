"""Findings: what can be measured of a pair beyond its map. Definitions: docs/findings.md."""
