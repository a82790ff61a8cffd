"""What can go wrong with a national service: five classes, because there are five next steps.

NotReady       ours: a trait, a card or a certificate is missing; nothing was sent -> complete it
Unavailable    not done: no route, TLS refused, 503, « réessayez »                  -> retry later
OutcomeUnknown sent, then timeout, cut or a bare 500                                -> ask first
Rejected       understood and refused, with the service's code                    -> a human decides
InvalidReply   unreadable, off-schema, bad signature                                -> as unknown
"""


class TeleserviceError(Exception):
    """Base of the taxonomy.

    `code` is stable and safe for logs; `message_fr` is the sentence for the counter. Neither may
    hold a patient trait, a token or a PIN.
    """

    def __init__(self, code: str, message_fr: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message_fr = message_fr
        self.retry_after_s = retry_after_s
        # The exchange that led here (registre.Reponse), set by `registre.attach_evidence`.
        self.reponse: object | None = None


class NotReady(TeleserviceError):
    """Ours: something is missing; nothing was sent."""


class Unavailable(TeleserviceError):
    """Not done, surely: may be tried again later."""


class OutcomeUnknown(TeleserviceError):
    """Sent, and the answer is not known: ask before sending again."""


class Rejected(TeleserviceError):
    """Understood and refused by the service: a person decides."""


class InvalidReply(TeleserviceError):
    """Unreadable or off-contract reply: treated as unknown, the evidence is kept."""
