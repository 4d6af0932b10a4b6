"""The scenario files: which there are, one of them by its name, and what is wrong with one.

A file tells a scenario once; its [variants.NAME] tables are laid over it, table by table, and the
scenario is then called by the file's name with the variant's behind it: E5 with [variants.c] is
"E5c". Asked for without, it is its first variant. A table set to false is taken away, and `scales`
says at which scales the variant is told.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from prkbench import toml_text
from prkbench.errors import UsageError
from prkbench.sim.scenario import Scenario

FOLDER = Path(__file__).parent / "scenarios"


def scenario_names(folder: Path = FOLDER) -> list[str]:
    """Return every name that `scenario` takes for a variant, in the order of the story."""
    return [name for stem in _stems(folder) for name in _variant_names(folder, stem)]


def scenario(name: str, folder: Path = FOLDER) -> Scenario:
    """Return a scenario by its name, whatever the case; UsageError with the nearest name."""
    wanted = name.strip().lower()
    for stem in _stems(folder):
        names = _variant_names(folder, stem)
        for variant in names:
            if variant.lower() == wanted:
                return _read(folder / f"{stem}.toml", variant)
        if stem.lower() == wanted:
            return _read(folder / f"{stem}.toml", names[0])
    known = scenario_names(folder)
    by_case = {known_name.lower(): known_name for known_name in [*known, *_stems(folder)]}
    near = difflib.get_close_matches(wanted, by_case, 1, 0.4)
    hint = f"did you mean '{by_case[near[0]]}'?" if near else f"expected one of {', '.join(known)}"
    raise UsageError(f"no scenario '{name}': {hint} (prk simulate --list shows all)")


def _stems(folder: Path) -> list[str]:
    """Return the files' names in the story's order: E1 to E11, C1 to C3, then the controls."""

    def place(stem: str) -> tuple[int, int, str]:
        number = stem[1:]
        if number.isdecimal():
            return ("EC".find(stem[0].upper()), int(number), stem)
        return (2, 0, stem)

    return sorted((path.stem for path in folder.glob("*.toml")), key=place)


@functools.cache
def _document(path: Path) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the scenario as UTF-8 text: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None


def _variant_names(folder: Path, stem: str) -> list[str]:
    document, _ = _document(folder / f"{stem}.toml")
    variants = document.get("variants")
    if not isinstance(variants, dict) or not variants:
        return [stem]
    return [stem + key for key in variants]


def _read(path: Path, name: str) -> Scenario:
    """Lay the variant over the file and check the whole."""
    document, text = _document(path)
    plain = {key: value for key, value in document.items() if key != "variants"}
    variants = document.get("variants", {})
    key = name[len(path.stem) :]
    overlay = variants.get(key, {})
    if not isinstance(overlay, dict):
        raise UsageError(f"{path}: variants.{key}: found {overlay!r}, expected a table")
    scales = overlay.get("scales")
    merged = _laid_over(plain, {k: v for k, v in overlay.items() if k != "scales"})
    for scale in ("prk", "bench"):
        if scales is not None and scale not in scales:
            merged.pop(scale, None)
    try:
        return Scenario.model_validate({"name": name, **merged})
    except ValidationError as error:
        details = error.errors(include_url=False)
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        raise UsageError(f"{path}: {_explain(details[0], text, key)}{more}") from None


def _laid_over(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """Return base with overlay's values: tables are merged, anything else is replaced.

    A table that the overlay sets to false is taken away.
    """
    merged = dict(base)
    for key, value in overlay.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = _laid_over(below, value)
        elif value is False and isinstance(below, dict):
            del merged[key]
        else:
            merged[key] = value
    return merged


def _explain(detail: ErrorDetails, text: str, variant: str) -> str:
    """Return one line for one finding: line, key, what was found and what was expected."""
    full = [str(part) for part in detail["loc"]]
    loc = list(full)
    if len(loc) > 3 and loc[1] == "events":
        # Of a union pydantic names the chosen table, too.
        del loc[3]
    where = ".".join(loc)
    line = toml_text.line_of(text, loc)
    if variant:
        own = toml_text.line_of(text, ["variants", variant, *loc])
        if own != toml_text.line_of(text, ["variants", variant]):
            line = own
    prefix = f"line {line}: {where}: " if line and where else f"{where}: " if where else ""
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _known_keys(full)
        near = difflib.get_close_matches(loc[-1], known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(known)}"
        return f"{prefix}unknown key, {hint}"
    if kind == "missing":
        return f"{prefix}missing, add it"
    if kind.startswith("union_tag"):
        context = detail.get("ctx", {})
        found, expected = context.get("tag"), context.get("expected_tags", "a table with do")
        return f"{prefix}do: found {found!r}, expected one of {expected}"
    message = detail["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return prefix + message
    return f"{prefix}found {detail['input']!r}: {message[0].lower()}{message[1:]}"


def _known_keys(loc: list[str]) -> list[str]:
    """Return the keys of the table that an unknown key stands in."""
    models: list[type[BaseModel]] = [Scenario]
    for part in loc[:-1]:
        below = [
            found
            for model in models
            for key, field in model.model_fields.items()
            if (field.alias or key) == part
            for found in _models_in(field.annotation)
        ]
        # A part that is no field is an entry's name or number, or the tag of a union.
        tagged = [m for m in models if part in get_args(_annotation(m, "do"))]
        models = below or tagged or models
    return [field.alias or key for model in models for key, field in model.model_fields.items()]


def _annotation(model: type[BaseModel], key: str) -> Any:
    field = model.model_fields.get(key)
    return None if field is None else field.annotation


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the tables that an annotation such as dict[str, Table] is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
