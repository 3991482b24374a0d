"""The analyst's side: the queue, decisions, cases, the log, and the web application for them."""
