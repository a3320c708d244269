"""InfoVAE re-examined: models, divergences, objectives, training, measurement and a store."""

__version__ = "0.1.0"
