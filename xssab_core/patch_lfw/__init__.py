"""Patch-LFW: pairs whose probe carries patches of the wrong person, made and written."""
