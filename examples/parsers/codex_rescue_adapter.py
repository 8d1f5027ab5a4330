#!/usr/bin/env python3
"""codex-rescue (PyPI) behind the contract of `rehydra parser --batch`; see README.md."""
import json
import sys

from codex_rescue.transcript import parse_transcript


def text(content):
    texts = [part.get("text") or "" for part in content or [] if isinstance(part, dict)]
    # Half of a surrogate pair is a string to Python and no JSON to others.
    return [text.encode("utf-8", "replace").decode() for text in texts]


def told(path):
    try:
        parsed = parse_transcript(path)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    turns = [{"user": [], "assistant": []}]
    for event in parsed.events:
        item = event.payload
        if item.get("type") != "message":
            continue
        if item.get("role") == "user":
            turns.append({"user": [], "assistant": []})
        said = turns[-1].get(item.get("role"))
        if said is not None:
            said.extend(text(item.get("content")))
    meta = parsed.session_metadata
    damaged = parsed.corruption_class is not None
    return {"id": meta.get("id"), "cwd": meta.get("cwd"), "turns": turns, "damaged": damaged}


for path in sys.stdin:
    print(json.dumps(told(path.rstrip("\n"))), flush=True)
