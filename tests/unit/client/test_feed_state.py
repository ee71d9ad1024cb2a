from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.client.feed_fixture import Signer, add, chain_over, remove

from takeback.client.feed_state import (
    ListState,
    new_list_state,
    take_page,
    verified_head,
    without_staged,
)
from takeback.client.trust import trusted_key
from takeback.errors import ProtocolViolationError
from takeback.model.entry import Change, Head, Op
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_keys_v1 import KeysShape
from takeback.wire.feed_v1 import PublicKeyShape, SignedHeadShape, key_id_of, pin_of

LIST = Algorithm.SHA256
NOW = 1_790_000_000
SIGNER = Signer()
OTHER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
LOG = [add(1, 1), add(2, 2), remove(3, 1), add(4, 3)]


def _head(log: list[Change], issued: int = NOW) -> Head:
    count = sum(1 if change.op is Op.ADD else -1 for change in log)
    return Head(LIST, len(log), chain_over(log), count, issued, issued + 3600)


def _synced(log: list[Change]) -> ListState:
    return take_page(new_list_state(LIST), _head(log), log, NOW).state


def _refusal(state: ListState, head: Head, changes: list[Change]) -> str:
    with pytest.raises(ProtocolViolationError) as refusal:
        take_page(state, head, changes, NOW)
    return refusal.value.code


def test_a_whole_page_is_proved() -> None:
    step = take_page(new_list_state(LIST), _head(LOG), LOG, NOW)
    assert step.is_proved
    assert (step.state.applied.seq, step.state.applied.count) == (4, 2)
    assert step.state.verified_s == NOW
    assert not step.state.is_stale(NOW)
    assert step.state.is_stale(NOW + 3600)


def test_pages_are_staged_until_the_head_proves_them() -> None:
    first = take_page(new_list_state(LIST), _head(LOG), LOG[:3], NOW)
    assert not first.is_proved
    assert first.state.applied.seq == 0
    assert first.state.verified_s is None
    last = take_page(first.state, _head(LOG, NOW + 1), LOG[3:], NOW + 1)
    assert last.is_proved
    assert last.state.applied == last.state.staged


def test_new_heads_without_the_changes_do_not_make_an_old_list_fresh() -> None:
    state = _synced(LOG[:1])
    held_back = take_page(state, _head(LOG, NOW + 5000), LOG[1:2], NOW + 5000)
    assert not held_back.is_proved
    assert held_back.state.is_stale(NOW + 5000)


def test_nothing_new_renews_the_proof() -> None:
    step = take_page(_synced(LOG), _head(LOG, NOW + 100), [], NOW + 100)
    assert step.is_proved
    assert step.state.verified_s == NOW + 100


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (LOG[1:], "starts late"),
        ([LOG[0], LOG[2], LOG[3]], "a gap"),
        ([LOG[0], LOG[0], *LOG[1:]], "a repetition"),
        ([LOG[1], LOG[0], *LOG[2:]], "out of order"),
        ([*LOG, add(5, 5)], "beyond the head"),
        ([], "nothing although there is more"),
        ([*LOG[:3], add(4, 99)], "another value"),
        ([*LOG[:3], replace(LOG[3], day=LOG[3].day.replace(day=1))], "another day"),
        ([remove(1, 1), *LOG[1:]], "a tombstone before anything"),
    ],
)
def test_a_broken_chain_is_refused(changes: list[Change], why: str) -> None:
    assert _refusal(new_list_state(LIST), _head(LOG), changes) == "feed.chain", why


def test_a_wrong_count_is_refused() -> None:
    assert _refusal(new_list_state(LIST), replace(_head(LOG), count=3), LOG) == "feed.chain"
    assert _refusal(_synced(LOG), replace(_head(LOG, NOW + 1), count=3), []) == "feed.chain"


def test_a_rollback_is_refused() -> None:
    assert _refusal(_synced(LOG), _head(LOG[:3], NOW + 1), []) == "feed.rollback"
    assert _refusal(_synced(LOG), _head(LOG, NOW - 1), []) == "feed.rollback"


def test_a_rollback_behind_a_head_that_was_only_seen_is_refused() -> None:
    seen = take_page(new_list_state(LIST), _head(LOG), LOG[:1], NOW).state
    assert _refusal(seen, _head(LOG[:2], NOW + 1), LOG[1:2]) == "feed.rollback"


def test_a_fork_is_refused() -> None:
    forked = [*LOG[:3], add(4, 77)]
    assert _refusal(_synced(LOG), _head(forked, NOW + 1), []) == "feed.fork"
    seen = take_page(new_list_state(LIST), _head(LOG), LOG[:1], NOW).state
    assert _refusal(seen, _head(forked, NOW + 1), forked[1:]) == "feed.fork"


def test_a_fork_further_on_breaks_the_chain() -> None:
    forked = [*LOG[:3], add(4, 77), add(5, 78)]
    assert _refusal(_synced(LOG), _head(forked, NOW + 1), forked[4:]) == "feed.chain"


def test_dropping_what_was_staged_returns_to_what_was_proved() -> None:
    staged = take_page(_synced(LOG[:1]), _head(LOG), LOG[1:2], NOW).state
    assert without_staged(staged).staged == staged.applied


def test_a_signed_head_is_read() -> None:
    assert verified_head(LIST, SIGNER.sign(_head(LOG)), SIGNER.public, NOW) == _head(LOG)


def _head_refusal(signed: SignedHeadShape, now_s: int = NOW) -> str:
    with pytest.raises(ProtocolViolationError) as refusal:
        verified_head(LIST, signed, SIGNER.public, now_s)
    return refusal.value.code


def test_signatures_that_do_not_count() -> None:
    good = SIGNER.sign(_head(LOG))
    assert _head_refusal(OTHER.sign(_head(LOG))) == "feed.signature"
    assert _head_refusal(SignedHeadShape(head=good.head, signatures=[])) == "feed.signature"
    assert _head_refusal(good.model_copy(update={"head": good.head.replace('"count":2', '"count":3')})) == (
        "feed.signature"
    )
    borrowed = OTHER.sign(_head(LOG)).signatures[0].model_copy(update={"key_id": key_id_of(SIGNER.public)})
    assert _head_refusal(SignedHeadShape(head=good.head, signatures=[borrowed])) == "feed.signature"
    for text in ("", "AAAA", "not base64 at all!"):
        short = good.signatures[0].model_copy(update={"signature": text})
        assert _head_refusal(SignedHeadShape(head=good.head, signatures=[short])) == "feed.signature"
    assert _head_refusal(good.model_copy(update={"head": "\udcff" + good.head})) == "feed.signature"


def test_an_expired_head_is_refused_and_one_second_earlier_it_is_not() -> None:
    signed = SIGNER.sign(_head(LOG))
    assert _head_refusal(signed, NOW + 3600) == "feed.expired"
    assert verified_head(LIST, signed, SIGNER.public, NOW + 3599).seq == 4


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"list":"sha256"}', '{"chain":1}'])
def test_a_signed_head_that_makes_no_sense_is_malformed(text: str) -> None:
    assert _head_refusal(SIGNER.sign_text(text)) == "feed.malformed"


def test_a_head_of_another_list_is_malformed() -> None:
    assert _head_refusal(SIGNER.sign(replace(_head(LOG), list=Algorithm.PDQ))) == "feed.malformed"
    assert _head_refusal(SIGNER.sign(replace(_head(LOG), expires=NOW - 1))) == "feed.malformed"


def test_only_the_pinned_key_is_trusted() -> None:
    keys = KeysShape(
        keys=[PublicKeyShape(key_id=key_id_of(s.public), public_key=s.public.hex()) for s in (OTHER, SIGNER)]
    )
    assert trusted_key(pin_of(SIGNER.public), None, keys) == SIGNER.public
    with pytest.raises(ProtocolViolationError) as refusal:
        trusted_key("0" * 32, None, keys)
    assert refusal.value.code == "feed.signature"


@given(st.lists(st.integers(1, 4), min_size=1, max_size=30), st.data())
def test_however_a_log_is_cut_into_pages_it_ends_in_the_same_state(adds: list[int], data: st.DataObject) -> None:
    log: list[Change] = []
    live: list[int] = []
    for i, choice in enumerate(adds):
        if choice == 1 and live:
            log.append(remove(len(log) + 1, live.pop(0)))
        else:
            log.append(add(len(log) + 1, i))
            live.append(i)
    state = new_list_state(LIST)
    at = 0
    while at < len(log):
        size = data.draw(st.integers(1, len(log) - at))
        step = take_page(state, _head(log), log[at : at + size], NOW)
        state, at = step.state, at + size
        assert step.is_proved == (at == len(log))
    assert state == _synced(log)
    assert state.applied.count == len(live)
