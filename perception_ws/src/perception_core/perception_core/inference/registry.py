"""From a model's name to the file and the card that belongs to it, downloaded where it is asked for."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from perception_core.errors import ModelError
from perception_core.inference.describe import card_from_description, describe
from perception_core.inference.download import Patience, Source, download
from perception_core.inference.engines.cache import write_atomically
from perception_core.inference.model_card import ModelCard, load_card
from perception_core.inference.progress import Report, unheard

_READABLE = 0o644


def packaged_cards() -> dict[str, ModelCard]:
    """Return the cards this package brings along, by name."""
    return {card.name: card for card in _packaged()}


def packaged_weights() -> Path:
    """Return the folder of the networks that this package brings along."""
    return Path(str(files(__package__).joinpath("weights")))


def pull(
    name: str,
    folder: Path,
    report: Report = unheard,
    stop: threading.Event | None = None,
    unchecked: bool = False,
    patience: Patience | None = None,
) -> Path:
    """Download the network of a packaged card into ``folder``, unless it is there, and return its path.

    The card's source is asked first, then its mirrors; a network that this package brings along is copied. A card
    without sha256 describes a file that nobody here has checked: it is taken only with ``unchecked``.

    Raises:
        ModelError: no such card, or the file cannot be had; see :func:`perception_core.inference.download.download`.
    """
    cards = packaged_cards()
    if name not in cards:
        raise ModelError(f"model {name!r} is unknown; packaged: {', '.join(cards)}")
    card = cards[name]
    path, packaged = folder / plain_name(card.file), packaged_weights() / card.file
    if packaged.is_file():
        return _copied(packaged, path, card)
    urls = tuple(url for url in (card.source, *card.mirrors) if url)
    source = Source(urls, card.sha256, card.size)
    return download(source, path, report, stop, unchecked, patience)


def plain_name(name: str) -> str:
    """Return a file's name after checking that it leads nowhere else.

    Raises:
        ModelError: it has a folder in it, or is ``..``.
    """
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise ModelError(f"{name!r} is not a plain file name")
    return name


def find_model(
    name_or_path: str | Path, folders: Sequence[Path | str] = (), unchecked: bool = False
) -> tuple[Path, ModelCard]:
    """Find a network file and its conventions.

    A path (anything with a folder in it or ending in ``.onnx``) is taken as it is; its card is the YAML of
    the same stem beside it, else the packaged card that knows its sha256. A name is looked for in
    ``folders``, first to last, as ``NAME.yaml`` (a card beside its file), then as the file of the packaged
    card, at last among the weights that this package brings along. A packaged card without sha256 describes a file
    that nobody here has checked: it is taken only with ``unchecked``.

    Raises:
        ModelError: no such file (the message says where was searched and where the file can be had), a file
            whose sha256 the card does not know, or a file without a card.
    """
    text = str(name_or_path)
    if not text:
        raise ModelError("the model has no name")
    if "/" in text or "\\" in text or text.endswith(".onnx"):
        path = Path(text)
        if not path.is_file():
            raise ModelError(f"{path}: no such model file")
        return path, card_of(path)
    return _by_name(text, [Path(folder) for folder in folders], unchecked)


def card_of(path: Path) -> ModelCard:
    """Return the card of a network file: the YAML beside it, the packaged card that knows its sha256, or what it tells.

    Raises:
        ModelError: there is neither and the file does not tell enough, or the YAML does not belong to this file.
    """
    beside = path.with_suffix(".yaml")
    if beside.is_file():
        card = load_card(beside)
        _check_hash(path, card)
        return card
    digest = sha256_of(path)
    for card in _packaged():
        if digest in card.sha256:
            return card
    try:
        return card_from_description(describe(path), path.stem, path.name)
    except ModelError as error:
        raise ModelError(f"{error}; there is no {beside.name} beside it, and no card knows sha256 {digest}") from error


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal digits.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot read it: {error.strerror}") from error


def _copied(packaged: Path, path: Path, card: ModelCard) -> Path:
    _check_hash(packaged, card)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or sha256_of(path) not in card.sha256:
            write_atomically(path, (packaged.read_bytes(),))
            path.chmod(_READABLE)
    except OSError as error:
        raise ModelError(f"{path}: cannot write it: {error.strerror or error}") from error
    return path


def _by_name(name: str, folders: list[Path], unchecked: bool) -> tuple[Path, ModelCard]:
    for folder in folders:
        beside = folder / f"{name}.yaml"
        if beside.is_file():
            card = load_card(beside)
            path = folder / card.file
            if not path.is_file():
                raise ModelError(f"{beside}: names the file {card.file!r}, which is not beside it")
            _check_hash(path, card)
            return path, card
    packaged = packaged_cards()
    if name not in packaged:
        raise ModelError(
            f"model {name!r} is unknown: no {name}.yaml in {_listed(folders)}; packaged: {', '.join(packaged)}"
        )
    card = packaged[name]
    for folder in (*folders, packaged_weights()):
        path = folder / card.file
        if path.is_file():
            if not card.sha256 and not unchecked:
                raise ModelError(
                    f"{path}: the sha256 of {name} was never checked, so it is loaded only where that is said"
                )
            _check_hash(path, card)
            return path, card
    raise ModelError(
        f"model {name!r}: no {card.file} in {_listed(folders)}; it can be had from {card.source} "
        f"(perception models pull {name})"
    )


def _packaged() -> Iterator[ModelCard]:
    for entry in sorted(files(__package__).joinpath("cards").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            yield load_card(entry)


def _check_hash(path: Path, card: ModelCard) -> None:
    if not card.sha256:
        return
    digest = sha256_of(path)
    if digest not in card.sha256:
        known = ", ".join(card.sha256)
        raise ModelError(
            f"{path}: sha256 {digest} is not a known export of {card.name} ({known}); "
            f"damaged, or another network: write its own card {path.stem}.yaml beside it"
        )


def _listed(folders: list[Path]) -> str:
    return ", ".join(str(folder) for folder in folders) if folders else "any folder (none was given)"
