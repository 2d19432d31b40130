"""Triage of many pairs: which decisions are wrong or close, what drove them, and which rows cannot be used."""
