# SPDX-License-Identifier: Apache-2.0
"""usage: state_numpy.py STATE_ACTOR, in an empty folder"""
import subprocess
import sys

import numpy

import state_safetensors

ACTOR = sys.argv[1]
SAFETENSORS, NPZ, TORCH, MINDSPORE, PARTIAL = "1", "2", "1", "2", "1"
NAMES = {
    TORCH: ["weight", "bias", "running_mean", "running_var"],
    MINDSPORE: ["gamma", "beta", "moving_mean", "moving_variance"],
}
PREFIXES = ["layer1.0.bn1.", "d/ä "]
failed = False


def report(name, right, detail=""):
    global failed
    print("ok" if right else "FAIL", name, "" if right else detail)
    failed = failed or not right


def actor(*arguments):
    done = subprocess.run([ACTOR, *arguments], capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout.strip()


def expected(names, version_too):
    """What state_actor saves."""
    arrays = {}
    for layer, prefix in enumerate(PREFIXES):
        dtype = "<f8" if prefix[0] == "d" else "<f4"
        for i, word in enumerate(NAMES[names]):
            values = [100 * layer + 10 * i + c + 0.25 for c in range(3)]
            arrays[prefix + word] = numpy.array(values, dtype)
        if names == TORCH:
            arrays[prefix + "num_batches_tracked"] = numpy.array(7 + layer, "<i8")
        if names == TORCH and version_too:
            arrays[prefix + "version"] = numpy.array(2, "<i8")
    return arrays


def differences(found, wanted):
    if sorted(found) != sorted(wanted):
        return f"names {sorted(found)}"
    return "".join(
        f"{name}: {found[name].dtype}{found[name].shape} {found[name]}; "
        for name in wanted
        if found[name].dtype != wanted[name].dtype
        or found[name].shape != wanted[name].shape
        or (found[name] != wanted[name]).any()
    )


def ours_are_read(names):
    code, said = actor("save", NPZ, names, "ours.npz", *PREFIXES)
    with numpy.load("ours.npz", allow_pickle=False) as file:
        wrong = differences(dict(file), expected(names, True))
    report(f"numpy reads our .npz, names {names}", code == 0 and not wrong, said + wrong)

    code, said = actor("save", SAFETENSORS, names, "ours.safetensors", *PREFIXES)
    arrays, metadata = state_safetensors.read("ours.safetensors")
    wrong = differences(arrays, expected(names, False))
    report(f"a few lines read our safetensors, names {names}", code == 0 and not wrong, said + wrong)
    wanted = {prefix + "version": "2" for prefix in PREFIXES} | {"format": "pt"}
    report(f"its metadata, names {names}", metadata == (wanted if names == TORCH else {}), metadata)


def loads(name, path, names, *, flags="0"):
    lines = []
    for layer, prefix in enumerate(PREFIXES):
        values = [100 * layer + 10 * i + c + 0.25 for i in range(4) for c in range(3)]
        tracked = 7 + layer if names == TORCH else 0
        lines.append(" ".join([prefix, str(tracked)] + [f"{value:g}" for value in values]))
    found = actor("load", flags, path, *PREFIXES)
    report(name, found == (0, "\n".join(lines)), found)


def refuses(name, path, words):
    code, said = actor("load", "0", path, *PREFIXES)
    report(name, code == 1 and said.startswith("invalid argument") and words in said, said)


def theirs_are_read(names):
    arrays = expected(names, False)
    numpy.savez("stored.npz", **arrays)
    loads(f"numpy.savez, names {names}", "stored.npz", names)
    numpy.savez_compressed("deflated.npz", **arrays)
    loads(f"numpy.savez_compressed, names {names}", "deflated.npz", names)
    state_safetensors.write("theirs.safetensors", arrays)
    loads(f"safetensors of a few lines, names {names}", "theirs.safetensors", names)


def more_of_theirs():
    arrays = expected(TORCH, False)
    weights = {"conv1.weight": numpy.zeros((512, 512, 3, 3), "<f4")}
    numpy.savez_compressed("more.npz", **weights, **arrays)
    refuses("a whole model's .npz needs PARTIAL", "more.npz", "conv1.weight")
    loads("a whole model's .npz", "more.npz", TORCH, flags=PARTIAL)
    state_safetensors.write("more.safetensors", weights | arrays, {"format": "pt"})
    loads("a whole model's safetensors", "more.safetensors", TORCH, flags=PARTIAL)
    name = PREFIXES[0] + "weight"
    for what, array in {
        "of float16": arrays[name].astype("<f2"),
        "big-endian": arrays[name].astype(">f4"),
        "in Fortran's order": numpy.asfortranarray(numpy.ones((3, 3), "<f4")),
        "of objects": numpy.array([None], dtype=object),
        "of records": numpy.zeros(3, dtype=[("a", "<f4")]),
        "of one element more": numpy.ones(4, "<f4"),
    }.items():
        numpy.savez("wrong.npz", **(arrays | {name: array}))
        refuses("a weight " + what + " is refused", "wrong.npz", name)


for framework in (TORCH, MINDSPORE):
    ours_are_read(framework)
    theirs_are_read(framework)
more_of_theirs()
sys.exit(failed)
