"""What can be wrong with a network: a bundled one, a fetched one, or a file that someone names."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class ModelUnknown(CleanplateError):
    """No network has that name: see `cleanplate models list`, or give the path of an ONNX file."""

    code = "model_unknown"


class WeightsMissing(CleanplateError):
    """A bundled network's file is missing: install cleanplate again."""

    code = "weights_missing"


class WeightsDamaged(CleanplateError):
    """A bundled network's file is not the one that was released: install cleanplate again."""

    code = "weights_damaged"


class ModelNotFetched(CleanplateError):
    """This network is not on this machine yet: fetch it with `cleanplate models pull`."""

    code = "model_not_fetched"


class ModelDamaged(CleanplateError):
    """This network's file is not the one in the catalogue: fetch it again with `cleanplate models pull`."""

    code = "model_damaged"


class ModelUnreadable(CleanplateError):
    """The network's file cannot be read as ONNX: check the path and the file."""

    code = "model_unreadable"


class ModelNotUnderstood(CleanplateError):
    """The ONNX file is no network that paints as cleanplate understands it."""

    code = "model_not_understood"


class ModelFailed(CleanplateError):
    """The network broke down while it painted: try another, or none."""

    code = "model_failed"


class ModelBundled(CleanplateError):
    """This network comes with the package: there is nothing to fetch or to remove."""

    code = "model_bundled"


class LicenceNotAccepted(CleanplateError):
    """The network's licence has to be accepted before its first download: add --accept-licence."""

    code = "licence_not_accepted"


class DownloadFailed(CleanplateError):
    """The network could not be downloaded: check the connection, or set CLEANPLATE_MODELS__MIRROR."""

    code = "download_failed"
    retryable = True


class DownloadWrong(CleanplateError):
    """What was downloaded is not the network of the catalogue, and was thrown away: check the mirror."""

    code = "download_wrong"


class ModelsUnwritable(CleanplateError):
    """The folder of networks cannot be written: check its permissions and the space left."""

    code = "models_unwritable"


class ProviderMissing(CleanplateError):
    """The installed ONNX Runtime cannot run on that: see `cleanplate doctor`."""

    code = "provider_missing"
