"""Data views: described step by step, executed on the site, their rows streamed."""
