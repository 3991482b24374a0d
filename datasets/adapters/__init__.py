"""Public and common layouts of annotated pictures, read into one form, and written from it."""
