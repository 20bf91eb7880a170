"""What `examples/train_classifier.py` is made of."""
