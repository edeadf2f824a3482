"""The compiled kernels, one module for each instruction set, and the choice among them."""
