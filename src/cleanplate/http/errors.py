"""What can be wrong with a request before any other room sees it."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class BodyTooLarge(CleanplateError):
    """The request is too large: send a smaller picture, or its URL."""

    code = "body_too_large"


class BodyTooSlow(CleanplateError):
    """The request took too long to arrive: try again, or send the picture's URL."""

    code = "body_too_slow"
    retryable = True


class BodyInvalid(CleanplateError):
    """The request's body could not be read: send a form (multipart/form-data) or a JSON object."""

    code = "body_invalid"


class BodyCompressed(CleanplateError):
    """Send the request's body as it is, without Content-Encoding."""

    code = "body_compressed"


class ServerBusy(CleanplateError):
    """The server is receiving too many large pictures at once: try again in a moment."""

    code = "server_busy"
    retryable = True
    retry_after = 2  # seconds; a place is free as soon as one picture was looked at


class TooManyFields(CleanplateError):
    """The request has too many fields."""

    code = "too_many_fields"


class FieldInvalid(CleanplateError):
    """A field of the request is missing or has a wrong value."""

    code = "field_invalid"


class FieldRepeated(CleanplateError):
    """A field of the request was sent twice with different values."""

    code = "field_repeated"


class SourceMissing(CleanplateError):
    """The input file does not exist: send the picture itself, or its URL."""

    code = "source_missing"


class SourceRepeated(CleanplateError):
    """The picture was sent twice: send the file or its URL, not both."""

    code = "source_repeated"


class RegionRepeated(CleanplateError):
    """The area to clean was given twice: send only one of its fields."""

    code = "region_repeated"


class Base64Invalid(CleanplateError):
    """This is not valid base64."""

    code = "base64_invalid"


class BatchInvalid(CleanplateError):
    """A batch is a ZIP of pictures, or a list of their URLs."""

    code = "batch_invalid"


class BatchTooLarge(CleanplateError):
    """The batch is too large: send it in several parts."""

    code = "batch_too_large"


class HostInvalid(CleanplateError):
    """The request's Host header is not a valid host name."""

    code = "host_invalid"


class PathUnknown(CleanplateError):
    """There is nothing at this path: check the URL."""

    code = "path_unknown"


class MethodWrong(CleanplateError):
    """This path does not take this HTTP method.

    Attributes:
        allow: the methods that it takes, as the `Allow` header lists them.
    """

    code = "method_wrong"

    def __init__(
        self, public_message: str | None = None, *, allow: str = "", detail: str | None = None
    ) -> None:
        super().__init__(public_message, detail=detail)
        self.allow = allow


class AdminNeeded(CleanplateError):
    """This needs an admin token: `cleanplate token create --admin` makes one."""

    code = "admin_needed"


class ProofMissing(CleanplateError):
    """This request did not come from a page of this server: load the console again."""

    code = "proof_missing"


class TokensNotYours(CleanplateError):
    """On this server only an admin makes and revokes tokens: ask one."""

    code = "tokens_not_yours"


class LinkInvalid(CleanplateError):
    """This link is not valid, or it has expired: ask for the task's result again."""

    code = "link_invalid"


class Unexpected(CleanplateError):
    """Something went wrong on the server: try again, and tell its operator if it stays so."""

    code = "unexpected"
    retryable = True
