"""OpenAI responses: named events with a sequence number, an output item for reasoning and one for the message.

A reply that the maximum cut ends with `response.incomplete`, as in OpenAI's own service; there is no `[DONE]`.
"""

from __future__ import annotations

from typing import Any

import orjson

from perfbench.simulator.shapes.base import DIED, Event, Speech, text_of


class Responses:
    done = False

    def __init__(self, speech: Speech) -> None:
        self._speech, self._script = speech, speech.scripts[0]
        self._sequence = 0
        self._position = -1  # of the output item that is being written
        self._thinking = False
        self._delta = b""

    def opening(self) -> list[Event]:
        return [
            self._event(f"response.{state}", response=self._response("in_progress", []))
            for state in ("created", "in_progress")
        ]

    def delta(self, choice: int, text: bytes, *, thought: bool) -> list[Event]:
        events: list[Event] = []
        if self._position < 0 or thought != self._thinking:
            events = self._close_item()
            events += self._open_item(thought=thought)
        data = self._delta % (self._sequence, text)
        self._sequence += 1
        return [*events, (b"response.reasoning_text.delta" if thought else b"response.output_text.delta", data)]

    def ending(self) -> list[Event]:
        events = self._close_item()
        state = "incomplete" if self._script.cut else "completed"
        return [*events, self._event(f"response.{state}", response=self._response(state, self._items(state)))]

    def broken(self) -> Event:
        return b"response.output_text.delta", b'{"type": "broken'

    def failing(self) -> Event:
        return self._event("error", code="server_error", message=DIED, param=None)

    def whole(self) -> bytes:
        state = "incomplete" if self._script.cut else "completed"
        return orjson.dumps(self._response(state, self._items(state)))

    def _open_item(self, *, thought: bool) -> list[Event]:
        self._position += 1
        self._thinking = thought
        kind = "reasoning" if thought else "message"
        item = self._item(kind, None, "in_progress")
        part = {"output_index": self._position, "item_id": item["id"], "content_index": 0}
        name = "response.reasoning_text.delta" if thought else "response.output_text.delta"
        fixed = orjson.dumps({"type": name, **part, **({} if thought else {"logprobs": []})})
        # What is left open, sequence number and text, is filled in for each event.
        self._delta = fixed[:-1].replace(b"%", b"%%") + b',"sequence_number":%d,"delta":"%b"}'
        return [
            self._event("response.output_item.added", output_index=self._position, item=item),
            self._event("response.content_part.added", **part, part=_part(kind, "")),
        ]

    def _close_item(self) -> list[Event]:
        if self._position < 0:
            return []
        kind = "reasoning" if self._thinking else "message"
        text = text_of(self._script.thought() if self._thinking else self._script.said())
        state = "incomplete" if self._script.cut and not self._thinking else "completed"
        item = self._item(kind, text, state)
        part = {"output_index": self._position, "item_id": item["id"], "content_index": 0}
        name = "response.reasoning_text.done" if self._thinking else "response.output_text.done"
        return [
            self._event(name, **part, text=text, **({} if self._thinking else {"logprobs": []})),
            self._event("response.content_part.done", **part, part=_part(kind, text)),
            self._event("response.output_item.done", output_index=self._position, item=item),
        ]

    def _items(self, state: str) -> list[dict[str, Any]]:
        script = self._script
        items = [self._item("reasoning", text_of(script.thought()), "completed")] if script.reasoning else []
        if script.length > script.reasoning:
            items.append(self._item("message", text_of(script.said()), state))
        return items

    def _item(self, kind: str, text: str | None, state: str) -> dict[str, Any]:
        content = [] if text is None else [_part(kind, text)]
        if kind == "reasoning":
            return {
                "id": f"rs_{self._speech.number}", "type": "reasoning", "status": state, "summary": [],
                "content": content,
            }  # fmt: skip
        return {
            "id": f"msg_{self._speech.number}", "type": "message", "role": "assistant", "status": state,
            "content": content,
        }  # fmt: skip

    def _response(self, state: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        speech, over = self._speech, state != "in_progress"
        usage = {
            "input_tokens": speech.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": speech.output_tokens,
            "output_tokens_details": {"reasoning_tokens": speech.reasoning_tokens},
            "total_tokens": speech.prompt_tokens + speech.output_tokens,
        }
        return {
            "id": f"resp_{speech.number}", "object": "response", "created_at": speech.created_s, "status": state,
            "error": None, "incomplete_details": {"reason": "max_output_tokens"} if state == "incomplete" else None,
            "model": speech.model, "output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "usage": usage if over and speech.say_usage else None,
        }  # fmt: skip

    def _event(self, name: str, **fields: Any) -> Event:
        data = orjson.dumps({"type": name, "sequence_number": self._sequence, **fields})
        self._sequence += 1
        return name.encode(), data


def _part(kind: str, text: str) -> dict[str, Any]:
    if kind == "reasoning":
        return {"type": "reasoning_text", "text": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
