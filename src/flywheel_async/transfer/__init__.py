"""Uploads and downloads: streamed, verified, and all or nothing."""
