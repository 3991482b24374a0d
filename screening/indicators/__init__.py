"""Warning indicators: rules that compare what was seen, weighed and declared."""
