"""All message code of the stack: ROS messages to and from the column types of perception_core.

Each module holds pairs ``thing_from_msg`` and ``thing_to_msg``. They raise PerceptionError subclasses that name the
field and the value; they never log, and never touch a node, so tools use them on messages read from a bag as well.
"""
