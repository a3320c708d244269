"""torchvision's data sets, importable also where its compiled operators are missing.

PyPI's torchvision beside a CPU-only PyTorch cannot load its operators, yet registers fake kernels
for two of them, and its import fails because PyTorch knows no such operators. Declaring their
schemas is enough. Where the compiled operators load, the first import succeeds and nothing is
declared. Import torchvision from here only.
"""

import torch

try:
    from torchvision import datasets
except RuntimeError as error:
    if "torchvision::nms does not exist" not in str(error):
        raise
    for operator in ("torchvision::nms", "torchvision::qnms"):
        torch.library.define(
            operator, "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )
    from torchvision import datasets

__all__ = ["datasets"]
