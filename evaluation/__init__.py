"""What a model knows, symmetry stratum by symmetry stratum, and whether it obeys what the theory predicts."""
