"""`perception models`: networks - which there are, where they come from, what they are, and how fast."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perception_tools.output import print_json, progress, table

if TYPE_CHECKING:
    from perception_core.inference.model_card import ModelCard
    from perception_core.inference.progress import Progress, Report

HELP = "networks: list, pull, describe, build, quantize, bench"

_MAX_LOSS = 0.03


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _action(actions, "list", "the networks this package knows, and where their files are", _list)
    pull = _action(actions, "pull", "download a network, unless it is here; resumes, checks, tries mirrors", _pull)
    pull.add_argument("models", nargs="+", metavar="NAME", help="as `perception models list` has it")
    pull.add_argument("--folder", type=Path, help="where to (default: perception/models in the cache)")
    _allow_unverified(pull)
    describe = _model(actions, "describe", "what a network file tells, and how surely", _describe)
    describe.add_argument("--card", action="store_true", help="print a model card to complete instead")
    build = _model(actions, "build", "build the TensorRT engine of a network ahead of its first use", _build)
    build.add_argument("--precision", default="auto", choices=("auto", "fp32", "fp16", "bf16", "int8"))
    build.add_argument("--backend", default="auto", choices=("auto", "tensorrt", "tensorrt_rtx"))
    _add_quantize(actions)
    bench = _model(actions, "bench", "each step of the camera path in ms, beside the bare network", _bench)
    bench.add_argument("--data", type=Path, help="folder with a KITTI raw drive (default: simulated images)")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    return int(arguments.action_run(arguments))


def _action(actions: Any, name: str, text: str, call: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(action_run=call)
    return parser


def _allow_unverified(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-unverified", action="store_true", help="take a file whose sha256 nobody has checked so far"
    )


def _model(actions: Any, name: str, text: str, call: Any) -> argparse.ArgumentParser:
    parser = _action(actions, name, text, call)
    parser.add_argument("model", metavar="MODEL", help="name of a network, or path of an ONNX file")
    _allow_unverified(parser)
    return parser


def _add_quantize(actions: Any) -> None:
    parser = _model(
        actions, "quantize", "INT8 from a recording's images, beside FP32; exit 1 if too much is lost", _quantize
    )
    parser.add_argument(
        "--bag", type=Path, required=True, metavar="BAG", help="recording with images of where it will run"
    )
    parser.add_argument("--topic", action="append", default=[], help="images of this topic alone; may be repeated")
    parser.add_argument(
        "--truth", metavar="SCENARIO", help="mAP of both on this simulated drive, as `simulate` knows it"
    )
    parser.add_argument("--output", type=Path, metavar="OUT.onnx", help="file to write (default: MODEL_int8.onnx here)")
    parser.add_argument(
        "--max-loss",
        type=float,
        default=_MAX_LOSS,
        metavar="SHARE",
        help=f"most of FP32's boxes or pixels that may be lost, 0..1 ({_MAX_LOSS})",
    )


def _list(arguments: argparse.Namespace) -> int:
    from perception_core.inference.folders import model_folders
    from perception_core.inference.registry import packaged_cards, packaged_weights

    rows = [_entry(card, (*model_folders(), packaged_weights())) for card in packaged_cards().values()]
    if arguments.json:
        print_json({"models": rows})
        return 0
    keys = ("name", "task", "family", "input", "mb", "licence", "checked", "path")
    print(
        table(
            ("name", "task", "family", "input", "MB", "licence", "checked", "here"),
            [[r[k] for k in keys] for r in rows],
        )
    )
    return 0


def _entry(card: "ModelCard", folders: tuple[Path, ...]) -> dict[str, Any]:
    here = next((folder / card.file for folder in folders if (folder / card.file).is_file()), None)
    return {
        "name": card.name,
        "task": card.task,
        "family": card.family,
        "input": f"{card.input.width}x{card.input.height}",
        "mb": card.size / 1e6 if card.size else None,
        "licence": card.licence,
        "checked": "yes" if card.sha256 else "no",
        "sha256": list(card.sha256),
        "sources": [url for url in (card.source, *card.mirrors) if url],
        "path": None if here is None else str(here),
    }


def _pull(arguments: argparse.Namespace) -> int:
    from perception_core.inference.folders import download_folder, model_folders
    from perception_core.inference.registry import packaged_cards, packaged_weights, pull

    folder = arguments.folder or download_folder()
    cards, done = packaged_cards(), []
    for name in arguments.models:
        path = (
            None
            if name not in cards or arguments.folder
            else _there(cards[name], (*model_folders(), packaged_weights()))
        )
        already = path is not None
        if path is None:
            with _bar(name) as report:
                path = pull(name, folder, report, unchecked=arguments.allow_unverified)
        done.append({"name": name, "path": str(path), "downloaded": not already})
        if not arguments.json:
            print(f"{name}: {path}{' (was here)' if already else ''}")
    if arguments.json:
        print_json({"models": done})
    return 0


def _there(card: "ModelCard", folders: tuple[Path, ...]) -> Path | None:
    """Return the file of a card where one of the folders has it, with a hash that the card knows."""
    from perception_core.inference.registry import sha256_of

    paths = (folder / card.file for folder in folders)
    return next((path for path in paths if path.is_file() and sha256_of(path) in card.sha256), None)


def _found(arguments: argparse.Namespace) -> tuple[Path, "ModelCard"]:
    from perception_core.inference.folders import model_folders
    from perception_core.inference.registry import find_model

    return find_model(arguments.model, model_folders(), arguments.allow_unverified)


def _describe(arguments: argparse.Namespace) -> int:
    from perception_core.inference import card_template, describe

    path = Path(arguments.model)
    if "/" not in arguments.model and path.suffix != ".onnx":
        path = _found(arguments)[0]
    description = describe(path)
    if arguments.card:
        print(card_template(description, path.stem, path.name), end="")
    elif arguments.json:
        findings = {
            name: {"value": f.value, "sureness": str(f.sureness), "reason": f.reason}
            for name, f in description.findings()
        }
        tensors = {kind: [str(info) for info in getattr(description, kind)] for kind in ("inputs", "outputs")}
        print_json({"path": str(path), **tensors, **findings, "questions": list(description.questions)})
    else:
        print(description)
        for question in description.questions:
            print(f"  its card has to say: {question}")
    return 0


def _build(arguments: argparse.Namespace) -> int:
    from perception_core.errors import ModelError
    from perception_core.inference.factory import InferenceConfig, choose_backend, create_backend
    from perception_core.inference.input_shapes import image_shape

    path, card = _found(arguments)
    choice = choose_backend(arguments.backend, path)
    if not choice.name.startswith("tensorrt"):
        raise ModelError(f"no TensorRT works here, and {choice.name} needs no engine: {choice.reason}")
    config = InferenceConfig(backend=choice.name, precision=arguments.precision, serve_while_building=False)
    with _bar(card.name) as report:
        backend = create_backend(path, config, image_shape(card.input), report)
    result = {"name": card.name, "path": str(path), "backend": backend.name, "reason": backend.reason}
    result["preprocessing"] = str(backend.preprocessing)
    backend.close()
    if arguments.json:
        print_json(result)
    else:
        print(f"{card.name}: {result['backend']}{'; ' if result['reason'] else ''}{result['reason']}")
        print(f"images are prepared on the {result['preprocessing']}")
    return 0


def _quantize(arguments: argparse.Namespace) -> int:
    from perception_core.errors import ModelError
    from perception_tools.quantizing import bag_images, quantize
    from perception_tools.simulated_truth import simulated_views

    if not 0.0 <= arguments.max_loss <= 1.0:
        raise ModelError(f"--max-loss: {arguments.max_loss:g} is no share, 0..1")
    path, card = _found(arguments)
    output = arguments.output or Path(f"{card.name}_int8.onnx")
    if output.suffix != ".onnx":
        raise ModelError(f"{output}: the name of a network to write must end in .onnx")
    images = bag_images(arguments.bag, arguments.topic)
    truth = simulated_views(arguments.truth) if arguments.truth else []
    with _bar(card.name) as report:
        outcome = quantize(path, card, images, output, arguments.max_loss, report, truth)
    if arguments.json:
        print_json(outcome.as_dict() | {"max_loss": arguments.max_loss})
    else:
        _print_outcome(outcome, arguments.max_loss)
    return 0 if outcome.accepted else 1


def _print_outcome(outcome: Any, max_loss: float) -> None:
    found = outcome.detections
    boxes = ("-", "-") if found is None else (found.expected, found.found)
    kept = "-" if found is None else f"{found.kept} ({100 * (1 - found.loss):.1f} %)"
    pixels = "-" if outcome.pixels_kept is None else f"{100 * outcome.pixels_kept:.2f} %"
    sides = ((outcome.fp32, "FP32", boxes[0], "-", "-"), (outcome.int8, "INT8", boxes[1], kept, pixels))
    rows = [
        (name, n, k, p, *_shown(side.precision), side.size_bytes / 1e6, side.run_ms) for side, name, n, k, p in sides
    ]
    print(f"{outcome.check_images} images, {outcome.calibration_images} others to calibrate; ONNX Runtime, one thread")
    print(table(("", "boxes", "kept", "pixels kept", "mAP50", "mAP50-95", "MB", "ms a run"), rows))
    print(
        f"{len(outcome.float_layers)} of {outcome.layers} convolutions stay float, "
        f"{100 * outcome.float_work:.1f} % of the work"
    )
    if outcome.accepted:
        print(f"written: {outcome.int8.file}")
    else:
        print(f"not written: {100 * outcome.loss:.1f} % are lost, at most {100 * max_loss:g} % may be")


def _shown(precision: Any) -> tuple[str, str]:
    return ("-", "-") if precision is None else (f"{precision.map50:.3f}", f"{precision.map50_95:.3f}")


def _bench(arguments: argparse.Namespace) -> int:
    from perception_tools.benchmarks import decoding, inference

    path, card = _found(arguments)
    found = inference.as_dict(inference.measure([(path, card)], inference.images(arguments.data)), decoding.decoding())
    if arguments.json:
        print_json(found)
    else:
        print(inference.printed(found))
    return 0


@contextlib.contextmanager
def _bar(name: str) -> Iterator["Report"]:
    """Show reports as a bar on a terminal's stderr."""
    with progress(total=100, unit="%", desc=name, bar_format="{desc}: {percentage:3.0f} %|{bar}| {postfix}") as bar:

        def show(report: "Progress") -> None:
            bar.n = 0 if report.fraction is None else round(100 * report.fraction)
            bar.set_postfix_str(f"{report.stage}: {report.text}")

        yield show
