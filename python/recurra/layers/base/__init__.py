"""What makes a layer: calls, shapes, masks, weights, configurations, and its place in a graph of symbolic calls."""
