"""How good a picture of a face is, figure by figure, beside the faces of LFW.

Inspired by the quality components of ISO/IEC 29794-5; these are not that standard's measures.
"""
