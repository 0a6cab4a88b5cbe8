"""Training and evaluating the bundled models; needs the ``train`` extra."""
