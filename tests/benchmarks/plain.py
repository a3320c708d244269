"""The peer: a training loop as one would first write it, on the same model and data."""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader

# isort: split
# First, as it lets torchvision be imported where its compiled operators are missing.
from infovae_core._torchvision import datasets
from infovae_core.data import Partition

# isort: split
from torchvision import transforms


class Images(datasets.MNIST):
    """torchvision's MNIST over images already in memory: its own decoding of each item."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        binary = transforms.Compose([transforms.ToTensor(), lambda x: (x > 0.5).float()])
        datasets.VisionDataset.__init__(self, root="", transform=binary)
        self.data, self.targets = images, labels


class PlainVAE(nn.Module):
    """The networks of thesis §3.2 from PyTorch's layers, in PyTorch's default memory format."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.mu = nn.Linear(64 * 7 * 7, latent_dim)
        self.logvar = nn.Linear(64 * 7 * 7, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 64 * 7 * 7),
            nn.Unflatten(1, (64, 7, 7)),
            nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.features(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decoder(z), z


def rbf_mmd(q: Tensor, p: Tensor) -> Tensor:
    """Unbiased MMD², σ = 1, with pairwise distances."""
    n = len(q)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return torch.exp(-torch.cdist(x, y).square() / 2)

    off = 1 - torch.eye(n)
    within = (kernel(q, q) * off).sum() + (kernel(p, p) * off).sum()
    return within / (n * (n - 1)) - 2 * kernel(q, p).mean()


def infovae_mmd_loss(model: PlainVAE, x: Tensor) -> Tensor:
    """InfoVAE-MMD at α = 1, λ = 1000, in nats per image."""
    logits, z = model(x)
    reconstruction = binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    return reconstruction + 1000 * rbf_mmd(z, torch.randn_like(z))


class PlainLoop:
    """Shuffled DataLoader with two workers, eager single precision, one `.item()` a step."""

    def __init__(self, train: Partition, latent_dim: int, batch_size: int) -> None:
        pixels = (train.images[:, 0] * 255).to(torch.uint8)
        loader = DataLoader(
            Images(pixels, train.labels),
            batch_size=batch_size,
            shuffle=True,
            num_workers=2,
            drop_last=True,
            persistent_workers=True,
            multiprocessing_context="fork",
        )
        self.batches = self._endless(loader)
        self.model = PlainVAE(latent_dim)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.total = 0.0

    @staticmethod
    def _endless(loader):
        while True:
            yield from loader

    def step(self) -> None:
        """One update."""
        x, _ = next(self.batches)
        loss = infovae_mmd_loss(self.model, x)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.total += loss.item()
