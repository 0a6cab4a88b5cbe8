"""The networks that a bundle may name; nothing else is ever built from a manifest."""

from collections.abc import Callable, Mapping, Sequence

from monai.networks.nets.resnet import ResNet
from torch import nn

from vetflow.adapters.trunk_network import trunk
from vetflow.domain.errors import ConfigurationError

Setting = int | str | Sequence[int]


def _small_resnet(settings: Mapping[str, Setting], outputs: int) -> nn.Module:
    """Residual network of one block a stage; widths and stem from the manifest."""
    return ResNet(
        block="basic",
        layers=_numbers(settings, "layers"),
        block_inplanes=_numbers(settings, "widths"),
        spatial_dims=2,
        n_input_channels=1,
        conv1_t_size=5,
        conv1_t_stride=2,
        num_classes=outputs,
    )


def _numbers(settings: Mapping[str, Setting], key: str) -> list[int]:
    value = settings.get(key)
    if isinstance(value, int | str) or value is None or len(value) != 4 or not all(0 < n <= 512 for n in value):
        raise ConfigurationError(f"the network's {key} must be four whole numbers from 1 to 512")
    return [int(n) for n in value]


_NETWORKS: Mapping[str, Callable[[Mapping[str, Setting], int], nn.Module]] = {
    "small_resnet": _small_resnet,
    "trunk": trunk,
}


def build(name: str, settings: Mapping[str, Setting], *, outputs: int) -> nn.Module:
    """Return a fresh network.

    Raises
    ------
    ConfigurationError
        The name is not on the list, or its settings are no good.
    """
    make = _NETWORKS.get(name)
    if make is None:
        raise ConfigurationError(f"no network called {name}; a bundle may name: {', '.join(sorted(_NETWORKS))}")
    return make(settings, outputs)
