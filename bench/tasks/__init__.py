"""Whole tasks on real data: ``python -m bench.tasks.NAME DATA`` trains, tests, and says what it took."""
