"""Photographs in a ZIP file from anybody."""

from __future__ import annotations

from xssab_core.data.zip_files import ZipFiles
from xssab_core.errors import PhotoError
from xssab_core.faces.photo import MAX_BYTES


class PhotoZip(ZipFiles):
    """The photographs of a ZIP by name, see `ZipFiles`. One that cannot be had is a PhotoError."""

    limit = MAX_BYTES
    advice = "Save it at a lower resolution."
    error = PhotoError
