"""What a run may be called, and names that people can remember and say: brisk-otter, calm-heron."""

from __future__ import annotations

import random
import re

from core.errors import RunError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_FIRST = (
    "amber ample arctic balmy bold brave breezy bright brisk calm candid clever cosmic crisp curious "
    "daring deft dusky eager early fair fleet fond fresh gentle glad golden grand hardy hazel honest "
    "humble jolly keen kind lively loyal lucid lucky lunar mellow merry mild misty modest neat nimble "
    "noble olive patient placid plucky polar proud quick quiet rapid ready rosy rustic sandy serene sharp "
    "silver sleek snowy solar solid spry steady still sunny swift tidy trusty upbeat vivid warm wise "
    "witty zesty "
).split()
_SECOND = (
    "adder albatross alpaca antelope badger beaver bison bittern bobcat caribou cheetah condor cormorant "
    "cougar coyote crane cricket curlew dolphin dormouse eagle egret eland falcon ferret finch fox gannet "
    "gazelle gecko gibbon goose grouse hare hawk hedgehog heron hoopoe ibex ibis jackal jackdaw jay "
    "kestrel kingfisher kite lapwing lark lemur leopard linnet lizard lynx magpie marmot marten mink mole "
    "moose narwhal newt nuthatch ocelot orca oriole osprey otter owl panda partridge pelican penguin "
    "petrel pika pipit plover puffin quail raven robin salmon sandpiper seal serval shrew siskin skylark "
    "sparrow starling stoat stork swallow swan swift tapir tern thrush toad toucan trout turtle vole "
    "walrus warbler weasel whale wigeon wolf wombat wren "
).split()


def valid_name(name: str) -> bool:
    """Whether a run may have this name: it is also a folder name, so no separators, no leading dot, at most 64."""
    return _NAME.fullmatch(name) is not None and not name.endswith(".")


def check_name(name: str) -> None:
    """Raise `RunError` when no run may have this name."""
    if not valid_name(name):
        raise RunError(
            f"{name!r} cannot be a run's name",
            "Letters, digits, dot, dash and underscore; at most 64 of them.",
        )
    if name == "last":
        raise RunError("A run cannot be named 'last'", "That word stands for the newest run.")


def suggestions() -> list[str]:
    """A few names, then the same with numbers, for the first that is free. Not seeded: two machines seldom meet."""
    chance = random.SystemRandom()
    plain = [f"{chance.choice(_FIRST)}-{chance.choice(_SECOND)}" for _ in range(20)]
    return plain + [f"{name}-{chance.randrange(2, 10_000)}" for name in plain]
