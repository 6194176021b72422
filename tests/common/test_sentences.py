from common.sentences import sentence


def test_sentences_are_equal_only_with_equal_values() -> None:
    monet, munch = (sentence("The scan of {painting}", painting=name) for name in ("a", "b"))
    again = sentence("The scan of {painting}", painting="a")
    nested = sentence("{problem} Try again.", problem=monet)
    assert list(dict.fromkeys([monet, munch, again, nested])) == [monet, munch, nested]
