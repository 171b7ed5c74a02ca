"""Programs that supply a `HarmonicResponse`: xTB (tblite), DFT (pyscf), any ASE calculator, logs read by cclib."""
