import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeback.errors import InvalidInputError
from takeback.model.receipt import Receipt, new_receipt, parse_receipt


def test_a_new_receipt_reads_back_however_it_is_typed() -> None:
    receipt = new_receipt()
    for typed in (receipt.digits, receipt.grouped(), receipt.grouped().replace(" ", "-"), f"  {receipt.grouped()}\n"):
        assert parse_receipt(typed) == receipt
    assert len(receipt.grouped()) == 24


@given(st.integers(0, 10**18 - 1), st.integers(0, 19), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(body: int, place: int, by: int) -> None:
    digits = _receipt_of(body).digits
    wrong = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    with pytest.raises(InvalidInputError) as caught:
        parse_receipt(wrong)
    assert caught.value.code == "receipt.check"


@given(st.integers(0, 10**18 - 1), st.integers(0, 18))
def test_two_neighbours_exchanged_are_always_noticed(body: int, place: int) -> None:
    digits = _receipt_of(body).digits
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
    if swapped == digits:
        return
    with pytest.raises(InvalidInputError):
        parse_receipt(swapped)


@given(st.text(max_size=30))
def test_anything_else_is_refused_with_a_typed_error(text: str) -> None:
    try:
        receipt = parse_receipt(text)
    except InvalidInputError as error:
        assert error.code in {"receipt.format", "receipt.check"}  # noqa: PT017 - a rare text may be a receipt
    else:
        assert len(receipt.digits) == 20
        assert int(receipt.digits) % 97 == 1


def test_other_scripts_digits_are_not_digits() -> None:
    with pytest.raises(InvalidInputError):
        parse_receipt("٠" * 20)


def test_a_receipt_cannot_slip_into_a_log() -> None:
    receipt = new_receipt()
    assert receipt.digits not in repr(receipt)


def _receipt_of(body: int) -> Receipt:
    for check in range(100):
        try:
            return parse_receipt(f"{body:018d}{check:02d}")
        except InvalidInputError:
            continue
    raise AssertionError(body)
