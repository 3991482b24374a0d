"""The analyst's side: cases, decisions and the review application. Nothing lives here yet."""
