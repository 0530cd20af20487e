"""The finder grammar: text to terms (`filters`, `sorting`), terms to SQL (`compiler`), paging rules (`paging`)."""
