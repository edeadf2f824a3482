"""Benches: ``cases`` names the sizes; ``python`` runs them beside other frameworks, ``cpp`` without Python."""
