"""From force constants to spectra: internal coordinates, Wilson GF, normal modes, intensities, engines, line lists."""
