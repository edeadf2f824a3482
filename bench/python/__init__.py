"""The Python benches: layers beside other frameworks (``run``), whole jobs (``fit``), small costs (``overheads``)."""
