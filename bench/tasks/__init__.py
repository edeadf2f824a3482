"""Results on real data: one script a task."""
