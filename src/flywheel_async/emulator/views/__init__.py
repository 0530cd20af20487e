"""Data views: what they may ask for, and how they are worked out."""
