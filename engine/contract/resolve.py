"""From a table that a person wrote to a resolved `Recipe`: every problem named, with the nearest valid choice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.contract.catalog import LABEL, Catalog, Part
from engine.contract.errors import BadInput, nearest
from engine.contract.params import OPS
from engine.contract.recipe import COMMON, Choice, Recipe

PART_FIELDS: Final = {
    "model": "model",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "loss": "loss",
    "averaging": "averaging",
}
DEFAULTS: Final = {"schedule": "cosine", "loss": "cross_entropy", "averaging": "off"}


def resolve(table: Mapping[str, Any], catalog: Catalog, origin: str = "") -> Recipe:
    """The body of `Recipe.resolve`, which documents it."""
    problems: list[str] = []
    filled: dict[str, Any] = dict(table)
    for key, kind in PART_FIELDS.items():
        filled[key] = _choose(kind, filled.get(key, DEFAULTS.get(key)), key, catalog, problems)
    filled["augmentation"] = _choose_ops(filled.get("augmentation", ()), "augmentation", catalog, problems)
    for key in ("data", "compute", "evaluate"):
        filled.setdefault(key, {})
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(filled)
    except ValidationError as error:
        problems += explain(error, Recipe)
    if recipe is not None and not problems:
        problems += conflicts(recipe, catalog)
    if problems or recipe is None:
        prefix = f"{origin}: " if origin else ""
        raise BadInput([prefix + problem for problem in problems])
    return recipe


def _choose(kind: str, value: Any, where: str, catalog: Catalog, problems: list[str]) -> Choice | None:
    """A Choice from a name or a table; None (and a problem noted) where it is not one."""
    table = {"name": value} if isinstance(value, str) else value
    if table is None:
        problems.append(f"{where}: missing; which {LABEL[kind]}?")
        return None
    if isinstance(table, Choice):
        table = table.table()
    if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
        problems.append(f"{where}: a {LABEL[kind]}'s name or a table with its name is needed, not {value!r}")
        return None
    try:
        part = catalog.get(kind, table["name"])
    except BadInput as error:
        problems += [f"{where}: {problem}" for problem in error.problems]
        return None
    options = {key: value for key, value in table.items() if key != "name"}
    for param in part.params:
        if param.type == OPS:
            options[param.name] = _choose_ops(options.get(param.name, ()), f"{where}.{param.name}", catalog, problems)
            if not options[param.name]:
                problems.append(f"{where}.{param.name}: at least one op is needed")
    try:
        checked = part.schema(COMMON.get(kind, ())).model_validate(options)
    except ValidationError as error:
        elsewhere = partial(_owners, part=part, where=where, catalog=catalog)
        problems += explain(error, part.schema(COMMON.get(kind, ())), where, elsewhere)
        return None
    chosen = {key: getattr(checked, key) for key in type(checked).model_fields}
    for option, other in part.meta.get("same_length", ()):
        if chosen[option] and len(chosen[option]) != len(chosen[other]):
            count = f"{len(chosen[option])} values for {len(chosen[other])} in {other}"
            problems.append(f"{where}.{option}: {count}; give one for each, or none")
    problems += [
        f"{where}.{option}: all are 0; at least one must be above"
        for option in part.meta.get("some_above_zero", ())
        if chosen[option] and not any(chosen[option])
    ]
    for low, high in part.meta.get("ordered", ()):
        if chosen[low] > chosen[high]:
            problems.append(f"{where}.{low}: got {chosen[low]:g}, needs <= {chosen[high]:g}, which is {high}")
    return Choice(name=part.name, **chosen)


def _owners(key: str, part: Part, where: str, catalog: Catalog) -> str:
    """Which other parts have a key that this one has not, since it may be left from one of them; else ""."""
    owners = [other.name for other in catalog.parts(part.kind) if any(key == param.name for param in other.params)]
    if not owners:
        return ""
    named = f"{', '.join(owners[:3])}{' and others' * (len(owners) > 3)} {'has' if len(owners) == 1 else 'have'} it"
    afresh = f"; `{where}={part.name}` starts from its own options" if where in PART_FIELDS else ""
    return f": {part.name} has none, {named}{afresh}"


def _choose_ops(value: Any, where: str, catalog: Catalog, problems: list[str]) -> tuple[Choice, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Sequence):
        problems.append(f"{where}: a list of ops is needed, not {value!r}")
        return ()
    chosen = []
    for i, item in enumerate(value):
        name = item if isinstance(item, str) else item.get("name") if isinstance(item, Mapping) else None
        place = f"{where}.{name}" if isinstance(name, str) else f"{where}[{i}]"
        choice = _choose("op", item, place, catalog, problems)
        if choice is not None:
            chosen.append(choice)
    return tuple(chosen)


def explain(
    error: ValidationError,
    schema: type[BaseModel],
    within: str = "",
    elsewhere: Callable[[str], str] = lambda key: "",
) -> list[str]:
    """Pydantic's errors as lines for people: the field, what it got, what it takes, the nearest name.

    Args:
        elsewhere: says of an unknown key like no other where it may have come from.
    """
    lines = []
    for item in error.errors():
        path = [str(step) for step in item["loc"]]
        where = ".".join([within, *path] if within else path)
        got = item.get("input")
        if item["type"] == "extra_forbidden":
            hint = nearest(path[-1], _fields_at(schema, path[:-1])) or elsewhere(path[-1])
            lines.append(f"unknown key {where}{hint}")
        elif item["type"] == "missing":
            lines.append(f"{where}: missing")
        elif not within and got is None and path[0] in PART_FIELDS:
            continue  # the part's own message has said it better
        else:
            lines.append(f"{where}: got {_short(got)}, needs {_need(item)}")
    return lines


LIMITS: Final = {
    "greater_than_equal": ">= {ge:.12g}",
    "greater_than": "> {gt:.12g}",
    "less_than_equal": "<= {le:.12g}",
    "less_than": "< {lt:.12g}",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "model_type": "a table",
    "tuple_type": "a list",
    "string_type": "text",
}


def _need(item: ErrorDetails) -> str:
    """What a field takes, from one of pydantic's error records."""
    if item["type"] == "string_type" and isinstance(item["input"], int | float):
        return "text, here in quotes of its own: it looks like a number"
    if item["type"] in LIMITS:
        return LIMITS[item["type"]].format(**item.get("ctx", {}))
    return item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _fields_at(schema: type[BaseModel], path: Sequence[str]) -> list[str]:
    for step in path:
        field = schema.model_fields.get(step)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        schema = inner
    return list(schema.model_fields)


def conflicts(recipe: Recipe, catalog: Catalog) -> list[str]:
    """What cannot go together, in words. Never a silent win of one part over another."""
    problems = []
    ops = [(choice, catalog.get("op", choice.name)) for choice in recipe.augmentation]
    present = {name for choice in recipe.augmentation for name in _all_names(choice)}
    whole = [choice.name for choice, _ in ops if _mixes(choice, catalog)]
    if len(whole) > 1:
        problems.append(f"augmentation: {' and '.join(whole)} both mix the whole batch; put them in one `choice`")
    for choice, _ in ops:
        problems += _op_conflicts(choice, present, catalog)
    problems += _schedule_conflicts(recipe)
    if recipe.compute.accumulate > recipe.batch_size:
        batch = f"batch_size = {recipe.batch_size}, which is cut into so many parts"
        problems.append(f"compute.accumulate: got {recipe.compute.accumulate}, needs <= {batch}")
    problems += _ghost_batches(recipe)
    problems += _averaged_weights(recipe)
    problems += _sharpness_conflicts(recipe, catalog)
    seen_batch_op = ""
    for choice, part in ops:
        if stage(choice, part, catalog) == "batch":
            seen_batch_op = choice.name
        elif seen_batch_op:
            problems.append(f"augmentation: {choice.name} works on single images and must stand before {seen_batch_op}")
    return problems + _data_conflicts(recipe, present, catalog)


def _sharpness_conflicts(recipe: Recipe, catalog: Catalog) -> list[str]:
    """A sharpness-aware step asks for the gradient twice, through the closure of `step`."""
    sharpness = recipe.optimizer.options["sharpness"]
    if sharpness == "off" or catalog.get("optimizer", recipe.optimizer.name).meta.get("closure", True):
        return []
    which = f"{sharpness} asks for two gradients a step, and {recipe.optimizer.name} takes no closure to ask with"
    return [f"optimizer.sharpness: {which}; set it to off or choose another optimizer"]


def _data_conflicts(recipe: Recipe, ops: Collection[str], catalog: Catalog) -> list[str]:
    """What the images of the recipe's data set do not allow; a data set that does not say has three channels."""
    data = recipe.data
    try:
        channels = int(catalog.get("dataset", data.name).meta.get("channels", 3))
    except BadInput as error:
        return [f"data.name: {problem}" for problem in error.problems]
    problems = []
    for field, values in (("mean", data.mean), ("std", data.std)):
        if data.normalize != "given" and values:
            problems.append(f'data.{field}: only used with data.normalize = "given"; got {data.normalize!r}')
        elif data.normalize == "given" and len(values) != channels:
            problems.append(f"data.{field}: {len(values)} given for {channels} channels; needs one for each")
    problems += [f"data.std: got {value:g}, needs > 0" for value in data.std if value <= 0]
    if channels == 1:
        problems += [
            f"augmentation: {name} changes colours, but the images of {data.name} are grey; drop it"
            for name in sorted(ops)
            if catalog.get("op", name).meta.get("colour")
        ]
    model = catalog.get("model", recipe.model.name)
    if channels != 3 and model.positional and "in_channels" not in model.positional:
        problems.append(f"model: {model.name} takes images of 3 channels; those of {data.name} have {channels}")
    return problems


def _schedule_conflicts(recipe: Recipe) -> list[str]:
    """A schedule that does not fit the epochs or the optimizer."""
    problems = []
    epochs, options = recipe.epochs, recipe.schedule.options
    warmup, offset, low = options["warmup"], options["offset"], options["momentum_low"]
    if warmup >= epochs and warmup > 0:
        length = "1 epoch" if epochs == 1 else f"{epochs} epochs"
        problems.append(f"schedule.warmup: {warmup:g} epochs of warm-up do not fit into {length}; shorten it, 0 is off")
    if offset >= epochs:
        problems.append(f"schedule.offset: got {offset}, needs < {epochs}, the number of epochs")
    if options["by"] == "epoch" and warmup > 0 and options["warmup_start"] == 0 and not offset:
        problems.append(
            'schedule.warmup_start = 0 with schedule.by = "epoch" gives the whole first epoch a learning rate of 0;'
            ' set warmup_start above 0, offset = 1 or by = "step"'
        )
    if low:
        name = recipe.optimizer.name
        own = next((key for key in ("momentum", "beta1") if key in recipe.optimizer.options), "")
        if not own:
            problems.append(f"schedule.momentum_low: {name} has no momentum to move; set it to 0")
        elif low >= recipe.optimizer.options[own]:
            highest = recipe.optimizer.options[own]
            problems.append(f"schedule.momentum_low: got {low:g}, needs < {highest:g}, the {own} of {name}")
    return problems


def _ghost_batches(recipe: Recipe) -> list[str]:
    """Whether batch norm's ghost batches fill the batches that the model sees."""
    images = recipe.model.options.get("ghost_batch", 0)
    if images == 1:
        return ["model.ghost_batch: got 1, needs at least 2 images, which have a variance; 0 is off"]
    seen, over = divmod(recipe.batch_size, recipe.compute.accumulate)
    if images and (over or seen % images):
        parts = f" in {recipe.compute.accumulate} parts" * (recipe.compute.accumulate > 1)
        return [f"model.ghost_batch: {images} does not divide a batch of {recipe.batch_size}{parts}"]
    return []


def _op_conflicts(choice: Choice, present: Collection[str], catalog: Catalog) -> list[str]:
    """What keeps an op, or any that it is made of, from working among all that are `present`."""
    meta, problems = catalog.get("op", choice.name).meta, []
    consent = meta.get("conflicts_unless", "")
    if not choice.options.get(consent):
        way_out = f", or set {choice.name}.{consent}" if consent else ""
        problems += [
            f"augmentation: {choice.name} cannot be combined with {other}; drop one of them{way_out}"
            for other in meta.get("conflicts", ())
            if other in present
        ]
    for item in _members(choice):
        if catalog.get("op", item.name).meta.get("by_image"):
            problems.append(
                f"augmentation: {item.name} goes by what each image was in the epoch before; inside {choice.name} "
                "images come by chance, so it must stand by itself"
            )
        problems += _op_conflicts(item, present, catalog)
    return problems


def _averaged_weights(recipe: Recipe) -> list[str]:
    """Whether stochastic weight averaging comes to more than one set of weights."""
    if recipe.averaging.name != "swa":
        return []
    start, every = recipe.averaging.options["start"], recipe.averaging.options["every"]
    span = (1 - start) * recipe.epochs
    if every <= span:
        return []
    last = f"the last {span:g} of {recipe.epochs} epochs (averaging.start = {start:g})"
    return [f"averaging.every: got {every:g}, more than {last}: nothing would be averaged"]


def stage(choice: Choice, part: Part, catalog: Catalog) -> str:
    """ "image" for an op on single images, "batch" for one that mixes images; a combinator has its members' stage."""
    own = part.meta.get("stage")
    if own in ("image", "batch"):
        return str(own)
    inner = [stage(item, catalog.get("op", item.name), catalog) for item in _members(choice)]
    return "batch" if "batch" in inner else "image"


def _mixes(choice: Choice, catalog: Catalog) -> bool:
    """Whether an op, or any that it is made of, mixes the whole batch."""
    own = bool(catalog.get("op", choice.name).meta.get("whole_batch"))
    return own or any(_mixes(item, catalog) for item in _members(choice))


def _members(choice: Choice) -> tuple[Choice, ...]:
    return tuple(
        item
        for value in choice.options.values()
        if isinstance(value, tuple | list)
        for item in value
        if isinstance(item, Choice)
    )


def _all_names(choice: Choice) -> set[str]:
    return {choice.name}.union(*(_all_names(item) for item in _members(choice)))
