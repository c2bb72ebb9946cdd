"""What backends that run one loaded network say of themselves."""

from perception_core.inference.backend import TensorInfo
from perception_core.inference.image_runner import ImageRunner, Preprocessing
from perception_core.inference.progress import Progress


class LoadedNetwork:
    """The properties of the Backend protocol, from attributes that a backend sets while it loads."""

    _path = ""
    _name = ""
    _reason = ""
    _inputs: tuple[TensorInfo, ...] = ()
    _outputs: tuple[TensorInfo, ...] = ()

    @property
    def name(self) -> str:
        """Engine and device, for people."""
        return self._name

    @property
    def reason(self) -> str:
        """Why this engine runs the network, and why not on a faster device."""
        return self._reason

    @property
    def progress(self) -> Progress | None:
        """None: nothing is being built."""
        return None

    @property
    def preprocessing(self) -> Preprocessing:
        """Where images are prepared: on the CPU."""
        return Preprocessing()

    @property
    def images(self) -> ImageRunner | None:
        """None: images have to come prepared."""
        return None

    @property
    def path(self) -> str:
        """File the network was loaded from."""
        return self._path

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """Inputs in the order of the file."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Outputs in the order of the file."""
        return self._outputs
