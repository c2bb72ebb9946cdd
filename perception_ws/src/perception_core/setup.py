"""colcon's view of perception_core; the dependencies are declared in package.xml."""

from setuptools import find_packages, setup

PACKAGE = "perception_core"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={
        "": ["py.typed", "**/*.yaml", "**/*.onnx", "**/*.json", "**/*.html", "**/*.css", "**/*.svg", "**/*.md"]
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    python_requires=">=3.12",
    zip_safe=False,
    maintainer="Perception maintainers",
    maintainer_email="maintainers@perception.example",
    description="Camera and LiDAR perception without ROS: NumPy arrays in, tracked obstacles out.",
    license="Apache-2.0",
)
