"""Checks of what is recorded: topics, types, QoS, images, intrinsics, clouds, transforms."""

from collections import Counter
from collections.abc import Iterator

from rosbags.interfaces import QosDurability

from perception_core.errors import CalibrationError, CloudError, PerceptionError, TransformError
from perception_nodes.conversions.camera_info import camera_model_from_msg, sent_size
from perception_nodes.conversions.cloud import cloud_from_msg
from perception_nodes.conversions.image import image_from_compressed_msg, image_from_msg
from perception_tools.doctor.findings import Finding, error, good, warning
from perception_tools.doctor.recording import CAMERA_INFO, CLOUD, COMPRESSED, IMAGE, Recording, TopicRecord
from perception_tools.drive_writer import STATIC_TF_TOPIC, TF_TOPIC

_FEW_POINTS = 100
_MUCH_INVALID = 0.5


def check_topics(recording: Recording) -> Iterator[Finding]:
    """Check that every input of the profile is recorded, with the type the nodes subscribe to."""
    profile = recording.profile
    if profile is None:
        wanted = {}
        if not recording.of_type(CLOUD):
            yield error("inputs", "no PointCloud2 topic is recorded", "record the LiDAR, or name --profile")
    else:
        wanted = profile.input_topics
    for what, topic in wanted.items():
        types = _types_of(what, recording)
        there = recording.topics.get(topic)
        if there is None or not there.count:
            alike = [t.name for t in recording.topics.values() if t.type in types and t.count]
            yield error(
                topic, f"no messages ({what})", f"record it, or set the profile to one of: {', '.join(alike) or 'none'}"
            )
        elif there.type not in types:
            yield error(
                topic, f"is a {there.type}, expected {' or '.join(types)}", "name the right topic in the profile"
            )
        else:
            yield good(topic, f"{there.count} messages ({what})")


def check_qos(recording: Recording) -> Iterator[Finding]:
    """Check that late subscribers get the static transforms."""
    static = recording.topics.get(STATIC_TF_TOPIC)
    if static is not None and static.qos and static.qos[0].durability == QosDurability.VOLATILE:
        yield warning(
            STATIC_TF_TOPIC,
            "was offered as volatile: nodes that start later never get it",
            "publish it TRANSIENT_LOCAL, as static_transform_publisher does",
        )


def check_images(recording: Recording) -> Iterator[Finding]:
    """Check that images decode, and fit their CameraInfo."""
    for image in recording.of_type(IMAGE, COMPRESSED):
        decode = image_from_msg if image.topic.type == IMAGE else image_from_compressed_msg
        sizes = set()
        try:
            for sample in image.samples:
                sizes.add(decode(sample).pixels.shape[1::-1])
        except PerceptionError as reason:
            yield error(image.topic.name, str(reason), "mend the driver, or convert the images with image_proc")
            continue
        info = _info_of(image, recording)
        if info is not None:
            yield from _check_fit(image, info, sizes)


def check_camera_infos(recording: Recording) -> Iterator[Finding]:
    """Check that intrinsics are numbers a camera can have."""
    for info in recording.of_type(CAMERA_INFO):
        try:
            for sample in info.samples:
                camera_model_from_msg(sample)
        except CalibrationError as reason:
            yield error(
                info.topic.name, str(reason), "calibrate the camera: ros2 run camera_calibration cameracalibrator"
            )
        else:
            fx = info.samples[0].k[0]
            yield good(info.topic.name, f"fx {fx:.1f}, model {info.samples[0].distortion_model or 'none'}")


def check_clouds(recording: Recording) -> Iterator[Finding]:
    """Check that clouds decode into points."""
    for cloud in recording.of_type(CLOUD):
        name = cloud.topic.name
        try:
            decoded = [cloud_from_msg(sample) for sample in cloud.samples]
        except CloudError as reason:
            yield error(name, str(reason), "mend the driver's point type; x, y, z as FLOAT32 are the least")
            continue
        sizes = [len(d.cloud) for d in decoded]
        invalid = sum(d.dropped_non_finite for d in decoded)
        share = invalid / max(1, invalid + sum(sizes))
        if min(sizes) < _FEW_POINTS:
            yield error(name, f"a scan has only {min(sizes)} points", "is the LiDAR spinning, and not covered?")
        if share > _MUCH_INVALID:
            yield warning(name, f"{share:.0%} of the points are NaN or infinite", "publish unorganised clouds")
        for text in sorted({d.warning for d in decoded if d.warning}):
            yield warning(name, text, "let the driver send per-point times: without them nothing is deskewed")
        fields = ", ".join(f.name for f in cloud.samples[0].fields)
        yield good(name, f"{min(sizes)} to {max(sizes)} points; fields {fields}")


def check_transforms(recording: Recording) -> Iterator[Finding]:
    """Check that every transform the nodes will look up is there, at the stamps of the data."""
    for text, count in recording.transforms.refused.items():
        yield error(TF_TOPIC, f"{text} ({count} times)", "mend the publisher: a rotation is a unit quaternion")
    if recording.transforms.from_calibration:
        yield warning(
            STATIC_TF_TOPIC,
            "is not recorded; the calibration folder of the profile is used",
            "record /tf_static, or launch with publish_static_tf:=true",
        )
    base = "base_link" if recording.profile is None else recording.profile.rig.base_frame
    fixed = base if recording.profile is None else recording.profile.rig.fixed_frame
    for record in recording.of_type(CLOUD, IMAGE, COMPRESSED):
        yield from _check_lookup(recording, record, base, record.frame)
        if fixed != base:
            yield from _check_lookup(recording, record, fixed, base)


def _check_lookup(recording: Recording, record: TopicRecord, target: str, source: str) -> Iterator[Finding]:
    subject = f"{target} <- {source} for {record.topic.name}"
    if not source:
        yield error(record.topic.name, "frame_id is empty", "set the driver's frame_id parameter")
        return
    missing: Counter[str] = Counter()
    example = ""
    for stamp_ns in record.stamp_ns.tolist():
        try:
            recording.transforms.lookup(target, source, stamp_ns)
        except TransformError as reason:
            missing[type(reason).__name__] += 1
            example = example or str(reason)
        except CalibrationError as reason:
            missing[type(reason).__name__] += 1
            example = example or str(reason)
    if missing:
        count = missing.total()
        mend = (
            "record /tf and /tf_static; static sensor frames also come from calibration/ (publish_static_tf:=true)"
            if count == len(record.stamp_ns)
            else "the transforms begin late, end early or have gaps: record from before the drive until after it"
        )
        yield error(subject, f"missing at {count} of {len(record.stamp_ns)} stamps: {example}", mend)
    else:
        yield good(subject, f"there at all {len(record.stamp_ns)} stamps")


def _check_fit(image: TopicRecord, info: TopicRecord, sizes: set[tuple[int, int]]) -> Iterator[Finding]:
    wanted = {sent_size(sample) for sample in info.samples}
    text = ", ".join(f"{w}x{h}" for w, h in sorted(sizes))
    if sizes != wanted:
        said = ", ".join(f"{w}x{h}" for w, h in sorted(wanted))
        yield error(
            image.topic.name,
            f"images are {text}, but {info.topic.name} says {said}",
            "calibrate at the size that is published, or fill in binning and roi",
        )
    elif image.frame != info.frame:
        yield warning(
            image.topic.name,
            f"frame {image.frame!r}, but {info.topic.name} says {info.frame!r}",
            "let both name the optical frame",
        )
    else:
        yield good(image.topic.name, f"{text}, as its CameraInfo says; frame {image.frame}")


def _types_of(what: str, recording: Recording) -> tuple[str, ...]:
    kind, _, name = what.partition(" ")
    if kind == "points":
        return (CLOUD,)
    if kind == "camera_info":
        return (CAMERA_INFO,)
    assert recording.profile is not None
    camera = next(c for c in recording.profile.cameras if c.camera_name == name)
    return (COMPRESSED,) if camera.image_transport == "compressed" else (IMAGE,)


def _info_of(image: TopicRecord, recording: Recording) -> TopicRecord | None:
    """Return the CameraInfo of an image topic: the profile's, else the one beside it."""
    if recording.profile is not None:
        for camera in recording.profile.cameras:
            if camera.image_topic == image.topic.name:
                return recording.sensors.get(camera.camera_info_topic)
    folder = image.topic.name.removesuffix("/compressed").rpartition("/")[0]
    return recording.sensors.get(f"{folder}/camera_info")
