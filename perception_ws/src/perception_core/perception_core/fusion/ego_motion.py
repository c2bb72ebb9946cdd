"""Moving a scan into a camera that looked at another moment."""

from perception_core.geometry import transforms
from perception_core.geometry.transforms import Transform


def camera_from_base(
    T_camera_base: Transform, T_fixed_base_scan: Transform, T_fixed_base_image: Transform
) -> Transform:
    """Return the transform of points in base at the scan's stamp into the camera at the image's stamp.

    The points stand still in the fixed frame between the two moments; what moves by itself is off by its speed times
    the offset, at most ``FusionConfig.max_camera_offset``.

    Args:
        T_camera_base: float64 (4, 4), rigid mount.
        T_fixed_base_scan: pose of the base in the fixed frame at the scan's stamp.
        T_fixed_base_image: the same at the image's stamp.
    """
    return T_camera_base @ transforms.invert(T_fixed_base_image) @ T_fixed_base_scan
