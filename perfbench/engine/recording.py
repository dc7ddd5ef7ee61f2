"""Recording: from what came of a request to its record. Pure functions; who sent it, and when, is the scheduler's."""

from __future__ import annotations

from itertools import pairwise

from perfbench.engine.errors import TransportFault
from perfbench.engine.lane import Lane
from perfbench.engine.redact import blotted, blotted_detail
from perfbench.engine.request import Answer, Attempt, Outcome, Record, Reply, Request, TokenSource

MOST_DETAIL = 500  # characters of a server's error message that a record keeps
MOST_ID = 200  # characters of its x-request-id


def record_of(
    request: Request, reply: Reply, answer: Answer, outcome: Outcome, fault: TransportFault | None, *, lane: Lane,
    lane_name: str, index: int, worker: int, intended_ns: int, dispatched_ns: int, finished_ns: int,
    earlier: list[Attempt], warmup: bool = False,
) -> Record:  # fmt: skip
    """The one record of a request, whatever became of it; `reply` and `answer` are those of its last attempt."""
    output_ns, keep = answer.output_ns, lane.keep
    output_tokens, source = _output_tokens(answer, lane)
    request_id = reply.header(b"x-request-id")
    return Record(
        key=request.key, index=index, worker=worker, lane=lane_name, model=request.model,
        dialect=request.dialect.name, stream=request.stream, url=reply.url, reused=reply.reused,
        reconnects=reply.reconnects, intended_ns=intended_ns, dispatched_ns=dispatched_ns, warmup=warmup,
        started_ns=reply.started_ns or None, written_ns=reply.written_ns, first_byte_ns=reply.first_byte_ns,
        first_output_ns=output_ns[0] if output_ns else None, first_answer_ns=answer.first_answer_ns,
        last_output_ns=output_ns[-1] if output_ns else None, finished_ns=finished_ns,
        outcome=outcome, error="" if fault is None else fault.kind,
        error_detail="" if fault is None else blotted_detail(fault.detail, lane.secrets)[:MOST_DETAIL],
        status=reply.status, earlier=earlier, bytes_in=reply.bytes_in, finish_reasons=answer.finish_reasons,
        input_tokens=answer.input_tokens, output_tokens=output_tokens, token_source=source,
        reasoning_tokens=answer.reasoning_tokens, cached_tokens=answer.cached_tokens, chunks=len(output_ns),
        itl_ns=[later - sooner for sooner, later in pairwise(output_ns)] if keep.chunks and output_ns else None,
        request_id=(
            "" if request_id is None else blotted_detail(request_id.decode("latin-1"), lane.secrets)[:MOST_ID]
        ),
        prompt=blotted(request.body.decode("utf-8", "replace"), lane.secrets) if keep.texts else None,
        text=_kept(answer.text, lane) if keep.texts else None,
        reasoning=_kept(answer.reasoning, lane) if keep.texts else None,
        tool_calls=answer.tool_calls if keep.texts else None,
        tag=request.tag, session=request.session, turn=request.turn, turns=request.turns,
        wanted_input_tokens=request.wanted_input_tokens, wanted_output_tokens=request.wanted_output_tokens,
        item=request.item,
    )  # fmt: skip


def attempt_of(reply: Reply, fault: TransportFault, failed_ns: int, waited_s: float, lane: Lane) -> Attempt:
    """An attempt that failed, in case another follows; `waited_s` is the pause before that one."""
    return Attempt(
        started_ns=reply.started_ns, finished_ns=reply.finished_ns or failed_ns, written_ns=reply.written_ns,
        first_byte_ns=reply.first_byte_ns, status=reply.status, error=fault.kind,
        error_detail=blotted_detail(fault.detail, lane.secrets)[:MOST_DETAIL], url=reply.url, waited_s=waited_s,
    )  # fmt: skip


def _kept(text: str | None, lane: Lane) -> str | None:
    return None if text is None else blotted(text, lane.secrets)


def _output_tokens(answer: Answer, lane: Lane) -> tuple[int | None, TokenSource | None]:
    """The server's usage; else the tokenizer, if one is given; else the chunks (DESIGN, definitions)."""
    if answer.output_tokens is not None:
        return answer.output_tokens, "usage"
    if lane.count_tokens is not None and (answer.text or answer.reasoning):
        texts = (answer.extra or {}).get("choices") or [answer.text or ""]
        return lane.count_tokens((answer.reasoning or "") + "".join(texts)), "tokenizer"
    if answer.output_ns:
        return len(answer.output_ns), "chunks"
    return None, None
