from perception_nodes.conversions.diagnostics import WARN, diagnostics_to_msg


def test_one_status():
    msg = diagnostics_to_msg(
        2_000_000_000, "/a/node", "top", WARN, "late", {"rate_hz": 9.98765, "drops": 3, "why": "x"}
    )
    (status,) = msg.status
    assert msg.header.stamp.sec == 2
    assert (status.name, status.hardware_id, status.message, status.level) == ("/a/node", "top", "late", b"\x01")
    assert [(v.key, v.value) for v in status.values] == [("rate_hz", "9.988"), ("drops", "3"), ("why", "x")]
