"""Searches over a whole site: conditions written in the query language, hits streamed without an end."""
