"""Trains a small classifier on a folder of JPEGs: a script for torchvision's ImageFolder with three lines changed.

    python examples/train_image_folder.py FOLDER [EPOCHS]

FOLDER holds a folder for each class.
"""

import sys

import torch
from dctdecode import DCTImageFolder, transforms  # was: torchvision.datasets.ImageFolder, torchvision.transforms
from torch import nn
from torch.utils.data import DataLoader

augment = transforms.Compose([transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()])
dataset = DCTImageFolder(sys.argv[1], augment, channels=24, normalize="imagenet")  # was: ImageFolder(..., augment)
loader = DataLoader(dataset, batch_size=32, shuffle=True)
model = nn.Sequential(
    nn.Conv2d(24, 64, 3, padding=1),  # was: nn.Conv2d(3, 64, 7, stride=8), to the same 28 x 28
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.Conv2d(64, 128, 3, stride=2, padding=1),
    nn.BatchNorm2d(128),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(128, len(dataset.classes)),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for epoch in range(int(sys.argv[2]) if len(sys.argv) > 2 else 10):
    total = 0.0
    for images, targets in loader:
        loss = nn.functional.cross_entropy(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
    print(f"epoch {epoch + 1}: loss {total / len(dataset):.4f}")  # noqa: T201
