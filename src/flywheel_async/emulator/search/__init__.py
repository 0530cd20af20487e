"""The search: query text to tree (`grammar`), tree to SQL (`compiler`), answers (`hits`), hints (`suggest`)."""
