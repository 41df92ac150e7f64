"""What of a sweep made elsewhere this project's trainer can search."""

from segsweep.analysis.supported_space import is_supported_value, supported_space
from segsweep.config.distributions import Uniform
from segsweep.config.search_space import Categorical


def test_only_the_values_that_the_trainer_has_are_searched() -> None:
    space = {
        "optimizer": Categorical(values=["adam", "rmsprop", "sgd"], probabilities=[0.5, 0.2, 0.3]),
        "norm": Categorical(values=["batch", "group"]),
        "loss": Categorical(values=["tversky"]),
        "dropout": Uniform(min=0.0, max=0.5),
        "num_blocks": Categorical(values=[2, 3]),
    }
    assert supported_space(space) == {
        "optimizer": Categorical(values=["adam", "sgd"]),
        "norm": Categorical(values=["batch", "group"]),
        "dropout": Uniform(min=0.0, max=0.5),
    }
    assert is_supported_value("optimizer", "sgd")
    assert not is_supported_value("optimizer", "rmsprop")
