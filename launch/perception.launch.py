"""The perception of one robot: four nodes as processes, the rig's static transforms, RViz where wanted.

    ros2 launch perception_bringup perception.launch.py profile:=vehicle

Further cameras are named in other_cameras of camera_node, or have a camera_node of their own name each; in both cases
the lists of fusion_node and tracking_node name them too.
"""

import shutil

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

SHARE = FindPackageShare("perception_bringup")

# A launcher that is killed would leave its nodes behind.
PREFIX = "setpriv --pdeathsig INT --" if shutil.which("setpriv") else ""

# Four processes share the cores already; thread pools on top of that only make each other late.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and compose the processes."""
    profile, rig = LaunchConfiguration("profile"), LaunchConfiguration("rig")
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "profile", choices=["vehicle", "drone", "kitti", "demo"], description="which params/<profile>.yaml"
            ),
            DeclareLaunchArgument(
                "params_file",
                default_value=PathJoinSubstitution([SHARE, "params", [profile, ".yaml"]]),
                description="ROS parameter file in place of the profile's",
            ),
            DeclareLaunchArgument("rig", default_value=profile, description="which folder of calibration/"),
            DeclareLaunchArgument(
                "calibration",
                default_value=PathJoinSubstitution([SHARE, "calibration", rig]),
                description="calibration folder in place of the rig's",
            ),
            DeclareLaunchArgument(
                "publish_static_tf",
                default_value="true",
                description="false where a robot description or a bag publishes the sensors' frames",
            ),
            DeclareLaunchArgument("namespace", default_value="perception", description="of nodes and result topics"),
            DeclareLaunchArgument("use_sim_time", default_value="false", description="time from /clock"),
            DeclareLaunchArgument("log_level", default_value="info", description="debug, info, warn, error or fatal"),
            DeclareLaunchArgument("respawn", default_value="true", description="start nodes again that died"),
            DeclareLaunchArgument("rviz", default_value="false", description="show everything in RViz"),
            SetEnvironmentVariable(
                "FASTRTPS_DEFAULT_PROFILES_FILE",
                EnvironmentVariable(
                    "FASTRTPS_DEFAULT_PROFILES_FILE",
                    default_value=PathJoinSubstitution([SHARE, "config", "fastdds.xml"]),
                ),
            ),
            *[SetEnvironmentVariable(name, EnvironmentVariable(name, default_value="1")) for name in THREADS],
            perception_node("lidar_node", calibration()),
            perception_node("camera_node"),
            perception_node("fusion_node"),
            perception_node("tracking_node"),
            Node(
                package="perception_nodes",
                executable="static_tf_node",
                namespace=LaunchConfiguration("namespace"),
                parameters=[calibration()],
                prefix=PREFIX,
                output="screen",
                condition=IfCondition(LaunchConfiguration("publish_static_tf")),
            ),
            Node(
                package="rviz2",
                executable="rviz2",
                arguments=["-d", PathJoinSubstitution([SHARE, "rviz", "perception.rviz"])],
                parameters=[use_sim_time()],
                condition=IfCondition(LaunchConfiguration("rviz")),
            ),
        ]
    )


def perception_node(name: str, *defaults: dict[str, ParameterValue]) -> Node:
    """One lifecycle node, which brings itself to active; ``defaults`` hold where the parameter file is silent."""
    return Node(
        package="perception_nodes",
        executable=name,
        name=name,
        namespace=LaunchConfiguration("namespace"),
        parameters=[*defaults, LaunchConfiguration("params_file"), use_sim_time()],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
        respawn=LaunchConfiguration("respawn"),
        respawn_delay=1.0,
        prefix=PREFIX,
        output="screen",
    )


def calibration() -> dict[str, ParameterValue]:
    """The folder with the rig's frames and the robot's own boxes."""
    return {"calibration": ParameterValue(LaunchConfiguration("calibration"), value_type=str)}


def use_sim_time() -> dict[str, ParameterValue]:
    """The parameter of that name, as a truth value."""
    return {"use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool)}
