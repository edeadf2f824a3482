"""What tests of several rooms share: cases, models, tolerances."""
