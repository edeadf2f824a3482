"""Results of whole tasks on public data sets, whose paths are given: long runs, not tests."""
