"""The parts of `train_detector.py`."""
