"""colcon's view of perception_nodes; the dependencies are declared in package.xml."""

from setuptools import find_packages, setup

PACKAGE = "perception_nodes"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={"": ["py.typed", "**/*.yaml", "**/*.json", "**/*.html", "**/*.css", "**/*.svg"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    python_requires=">=3.12",
    zip_safe=False,
    maintainer="Perception maintainers",
    maintainer_email="maintainers@perception.example",
    description="Thin lifecycle nodes that put perception_core behind ROS 2 topics.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            f"{node} = {PACKAGE}.{node}:main"
            for node in ("camera_node", "lidar_node", "fusion_node", "tracking_node", "static_tf_node", "player_node")
        ]
    },
)
