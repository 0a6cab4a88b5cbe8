"""Training the model of trunk films: thorax and abdomen of dogs and cats; needs the ``train`` extra."""
