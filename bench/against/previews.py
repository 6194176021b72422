"""How soon a warm engine has something to show that looks painted, not a blurred photograph."""

from PIL import Image

from bench.against.measuring import Row, in_turns
from bench.against.painting import Trees
from bench.against.trees import Tree

LOOKS_PAINTED = 0.5
"""The share that is left of the photograph's own distance to the style, on layers that were not
optimised, where a picture begins to look painted; judged at the finished size."""
_WITHIN_SECONDS = 6.0
_THREADS = 2


def first_painted(trees: Trees) -> list[Row]:
    """From the claim to the first preview that looks painted, with lite on two threads."""
    setup = trees.setup
    with Image.open(setup.content) as photograph:
        shrunk = setup.size_px / max(photograph.size)
        shown_size = [max(1, round(side * shrunk)) for side in photograph.size]

    def measured(tree: Tree) -> dict[str, float]:
        few = {"iterations": 2, "scales": 2} if setup.quick else {}
        found = trees.iterate(
            tree,
            threads=_THREADS,
            repeat=2,
            previews=str(setup.work / f"preview-{tree.name}"),
            previews_within_seconds=_WITHIN_SECONDS,
            shown_size=shown_size,
            options={"network": "lite", "size_px": setup.size_px, **few},
        )
        shown = [(seconds, file) for seconds, file in found["shown"]]
        files = [str(setup.content), *(file for _, file in shown)]
        verdicts = setup.child("judge", pictures=files)["verdicts"]
        photograph, *painted = (one["style_distance"] for one in verdicts)
        for (seconds, _), distance in zip(shown, painted, strict=True):
            if distance <= LOOKS_PAINTED * photograph:
                return {"seconds": seconds}
        return {"seconds": _WITHIN_SECONDS}

    found = in_turns(trees.both, 1 if setup.quick else setup.rounds, measured)["seconds"]
    return [
        Row(
            f"warm engine, lite, {setup.size_px} px: first preview that looks painted",
            "s",
            *found,
            None,
            1.5,
            f"two threads; {LOOKS_PAINTED:.0%} of the photograph's style distance",
        )
    ]
