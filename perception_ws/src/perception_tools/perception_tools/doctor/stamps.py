"""Checks of time: stamps, rates, gaps, delays, and the skew between cameras and LiDAR."""

from collections.abc import Iterator

import numpy as np

from perception_tools.doctor.findings import Finding, error, good, warning
from perception_tools.doctor.recording import CAMERA_INFO, CLOUD, COMPRESSED, IMAGE, Recording, TopicRecord

_GAP_PERIODS = 2.5
_DELAY_S = 0.5
_EARLY_S = -0.1
_SKEW_S = 0.06


def check_stamps(recording: Recording) -> Iterator[Finding]:
    """Check each sensor topic by itself."""
    for record in recording.of_type(CLOUD, IMAGE, COMPRESSED, CAMERA_INFO):
        found = [*_check_order(record), *_check_gaps(record), *_check_delay(recording, record)]
        yield from found
        if not found:
            yield good(record.topic.name, f"{len(record.stamp_ns)} stamps rise{_rate_text(record)}")


def check_skew(recording: Recording) -> Iterator[Finding]:
    """Check how near in time an image is to each scan."""
    for cloud in recording.of_type(CLOUD):
        for image in recording.of_type(IMAGE, COMPRESSED):
            subject = f"{image.topic.name} to {cloud.topic.name}"
            order = np.sort(image.stamp_ns)
            index = np.clip(np.searchsorted(order, cloud.stamp_ns), 1, max(1, len(order) - 1))
            nearest = np.minimum(
                np.abs(order[index - 1] - cloud.stamp_ns), np.abs(order[index % len(order)] - cloud.stamp_ns)
            )
            median, share = float(np.median(nearest)) / 1e9, float(np.mean(nearest > _SKEW_S * 1e9))
            if share > 0.05:
                yield warning(
                    subject,
                    f"{share:.0%} of the scans lack an image within {_SKEW_S * 1e3:.0f} ms (median {median * 1e3:.1f})",
                    "trigger the camera by the LiDAR, raise the camera's rate, or synchronise the clocks (PTP)",
                )
            else:
                yield good(subject, f"median {median * 1e3:.1f} ms apart")


def _check_order(record: TopicRecord) -> Iterator[Finding]:
    name, stamps = record.topic.name, record.stamp_ns
    zeros = int(np.count_nonzero(stamps <= 0))
    if zeros:
        yield error(name, f"{zeros} of {len(stamps)} messages have no stamp (0)", "let the driver stamp its data")
    steps = np.diff(stamps)
    back = np.flatnonzero(steps < 0)
    if len(back):
        yield error(
            name,
            f"time goes back {len(back)} times, first by {-steps[back[0]] / 1e9:.3f} s at message {back[0] + 1}",
            "the clock was set while recording, or two drivers publish on one topic; cut the recording there",
        )
    same = int(np.count_nonzero(steps == 0)) - max(0, zeros - 1)
    if same > 0:
        yield error(name, f"{same} messages repeat the stamp of the one before", "two publishers on one topic?")


def _check_gaps(record: TopicRecord) -> Iterator[Finding]:
    steps = np.diff(record.stamp_ns)
    steps = steps[steps > 0]
    if len(steps) < 3:
        return
    period = float(np.median(steps))
    gaps = steps[steps > _GAP_PERIODS * period]
    if len(gaps):
        yield warning(
            record.topic.name,
            f"{len(gaps)} gaps, the longest {gaps.max() / 1e9:.2f} s at {1e9 / period:.1f} Hz",
            "messages were lost: look at the driver, the network, and the QoS and cache size of the recorder",
        )


def _check_delay(recording: Recording, record: TopicRecord) -> Iterator[Finding]:
    delay = float(np.median(record.log_ns - record.stamp_ns)) / 1e9
    limit = _DELAY_S if recording.profile is None else recording.profile.lidar.max_age
    if delay > limit:
        yield error(
            record.topic.name,
            f"recorded {delay:.3f} s after its stamp (median), the nodes refuse what is older than {limit:g} s",
            "let driver and recorder use one clock (PTP, chrony), or raise max_age if the driver really is so slow",
        )
    if delay < _EARLY_S:
        yield error(
            record.topic.name,
            f"stamped {-delay:.3f} s after it was recorded (median): from the future",
            "let driver and recorder use one clock (PTP, chrony)",
        )


def _rate_text(record: TopicRecord) -> str:
    if len(record.stamp_ns) < 2:
        return ""
    return f" at {1e9 / float(np.median(np.diff(record.stamp_ns))):.1f} Hz"
