"""The object store beside the API: signed addresses to which contents are put and from which they are fetched."""
