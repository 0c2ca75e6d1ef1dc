"""The console: what people without a terminal look at and do, as an API, and the page that shows it."""
