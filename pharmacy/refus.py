"""A refusal that a person reads."""


class Refus(Exception):
    """What is refused: `code` is stable, `phrase` is for the screen."""

    def __init__(self, code: str, phrase: str) -> None:
        super().__init__(code)
        self.code = code
        self.phrase = phrase
