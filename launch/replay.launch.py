"""The perception on a recording, in simulated time.

ros2 launch perception_bringup replay.launch.py bag:=drive.mcap profile:=kitti
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, ThisLaunchFileDir
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

PARAMS = PathJoinSubstitution([FindPackageShare("perception_bringup"), "params"])


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and add a player to perception.launch.py; its end is the end of the launch."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="rosbag2 recording: a folder, an MCAP or a SQLite file"),
            DeclareLaunchArgument("profile", description="as of perception.launch.py"),
            DeclareLaunchArgument(
                "params_file",
                default_value=PathJoinSubstitution([PARAMS, [LaunchConfiguration("profile"), ".yaml"]]),
                description="as of perception.launch.py",
            ),
            DeclareLaunchArgument("rate", default_value="1.0", description="how much faster than recorded"),
            DeclareLaunchArgument("loop", default_value="false", description="start again at the end"),
            DeclareLaunchArgument(
                "publish_static_tf", default_value="false", description="true for a bag without /tf_static"
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource([ThisLaunchFileDir(), "/perception.launch.py"]),
                launch_arguments={
                    "profile": LaunchConfiguration("profile"),
                    "params_file": LaunchConfiguration("params_file"),
                    "publish_static_tf": LaunchConfiguration("publish_static_tf"),
                    "use_sim_time": "true",
                }.items(),
            ),
            Node(
                package="perception_nodes",
                executable="player_node",
                name="player_node",
                namespace="perception",
                parameters=[
                    LaunchConfiguration("params_file"),
                    {
                        "bag": ParameterValue(LaunchConfiguration("bag"), value_type=str),
                        "rate": ParameterValue(LaunchConfiguration("rate"), value_type=float),
                        "loop": ParameterValue(LaunchConfiguration("loop"), value_type=bool),
                    },
                ],
                output="screen",
                on_exit=Shutdown(reason="the recording is over"),
            ),
        ]
    )
