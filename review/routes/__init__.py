"""Routes of the review application, by subject. Each names the action that it needs."""
