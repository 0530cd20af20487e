"""Guesses a file's type and media type from its name, as the family does."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping

_BY_TYPE: Mapping[str, str] = {
    "dicom": "dcm dcm.zip dicom.zip dicom dicom.tgz",
    "nifti": "nii nii.gz nifti",
    "bval": "bval bvals",
    "bvec": "bvec bvecs",
    "eeg": "eeg.zip",
    "ismrmrd": "h5 hdf5",
    "MATLAB data": "mat",
    "MGH data": "mgh mgz mgh.gz",
    "pfile": "7 7.gz 7.zip",
    "parrec": "parrec.zip par-rec.zip",
    "qa": "qa.png qa.json qa.html",
    "archive": "zip tar tgz tar.gz tbz tbz2 tar.bz2 txz tar.xz 7z rar",
    "image": "png jpg jpeg tif tiff gif bmp",
    "tabular data": "csv csv.gz tsv tsv.gz",
    "text": "txt",
    "pdf": "pdf",
    "markup": "html htm xml",
    "markdown": "md",
    "source code": "json py m js c cpp h sh r yaml yml toml",
    "log": "log",
    "document": "doc docx odt",
    "spreadsheet": "xls xlsx ods",
    "presentation": "ppt pptx odp",
    "video": "mp4 mov avi mpg mpeg m4v mkv webm",
    "gephysio": "gephysio.zip",
    "PsychoPy data": "psydat",
}
_TYPES = {suffix: name for name, suffixes in _BY_TYPE.items() for suffix in suffixes.split()}

# Media types that the table of the running system may lack; the rest comes from Python's own table.
_MEDIA = {
    "dcm": "application/dicom",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "bval": "text/bval",
    "bvec": "text/bvec",
    "md": "text/markdown",
}
_TABLE = mimetypes.MimeTypes()
UNKNOWN = "application/octet-stream"
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"[\t !#-\[\]-~]*"'
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))*")


def guess_type(name: str) -> str | None:
    """Returns the file type for a name, by its longest known ending, or None."""
    parts = name.lower().split(".")[1:]
    for start in range(len(parts)):
        found = _TYPES.get(".".join(parts[start:]))
        if found is not None:
            return found
    return None


def guess_mimetype(name: str) -> str:
    """Returns the media type for a name, by its last ending only; `a.nii.gz` is just bytes."""
    stem, dot, ending = name.lower().rpartition(".")
    if not dot or not stem:
        return UNKNOWN
    if ending in _MEDIA:
        return _MEDIA[ending]
    return _TABLE.types_map[True].get("." + ending, UNKNOWN)


def is_media_type(value: str) -> bool:
    """Tells whether a text can be sent as a `Content-Type`."""
    return len(value) <= 255 and _MEDIA_TYPE.fullmatch(value) is not None


def media_type_of(value: object) -> str:
    """Returns the `Content-Type` for the media type of a file entry, which may be none at all."""
    return value if isinstance(value, str) and is_media_type(value) else UNKNOWN
