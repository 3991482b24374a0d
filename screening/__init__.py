"""From findings to a decision: indicators, fusion, and flags within a budget."""
